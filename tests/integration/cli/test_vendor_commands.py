import shutil
from pathlib import Path

from tests.integration.cli.command import Person, Said
from tests.integration.cli.conftest import ACCOUNT, NEW, OLD, TAG, Fleet, Vendor, build_tree
from tests.servers.range_server import RangeServer


def test_a_migration_is_done_once_and_told(fleet: Fleet) -> None:
    fleet.operator.must("account", "create", "Clinique Sud", OLD, "--tag", "clinique-sud")
    first = fleet.operator.must("account", "migrate", "clinique sud", NEW)
    assert f"moves from {OLD} to {NEW}" in first.out
    assert "nothing changed" in fleet.operator.must("account", "migrate", "Clinique Sud", NEW).out
    assert f"version      {NEW}" in fleet.operator.must("account", "show", "Clinique Sud").out


def test_only_the_vendor_migrates_and_hands_out_tags(fleet: Fleet) -> None:
    assert fleet.admin.type("account", "migrate", ACCOUNT, NEW).problem == "role_may_not"
    assert fleet.admin.type("tag", "set", "essai-2", NEW, "--to", ACCOUNT).problem == "role_may_not"
    assert fleet.admin.type("release", "withdraw", NEW).problem == "role_may_not"


def test_a_customer_sees_itself_alone(fleet: Fleet) -> None:
    fleet.operator.must("account", "create", "Mairie Est", OLD)
    accounts = fleet.admin.must("account", "list", "--json").json
    assert [account["name"] for account in accounts] == [ACCOUNT]
    assert fleet.admin.type("account", "show", "Mairie Est").problem == "account_unknown"


def test_a_migration_to_an_unknown_version_is_refused(fleet: Fleet) -> None:
    assert fleet.operator.type("account", "migrate", ACCOUNT, "2027.1.1").problem == "release_unknown"
    assert fleet.operator.type("account", "migrate", ACCOUNT, "soon").problem == "version_malformed"
    assert fleet.operator.type("account", "migrate", "Nobody", NEW).problem == "account_unknown"


def test_tags_are_listed_with_whom_they_are_open_to(fleet: Fleet) -> None:
    line = next(line for line in fleet.operator.must("tag", "list").out.splitlines() if line.startswith(TAG))
    assert NEW in line
    assert ACCOUNT in line
    assert {tag["name"] for tag in fleet.viewer.must("tag", "list", "--json").json} >= {TAG}


def test_a_key_is_made_listed_and_revoked(fleet: Fleet, tmp_path: Path) -> None:
    token = tmp_path / "stick.token"
    fleet.admin.must("key", "create", "stick", "--uses", 2, "--token-output", token)
    assert token.read_text()
    assert token.read_text() not in fleet.admin.must("key", "list").out
    fleet.admin.must("key", "revoke", "stick")
    state = next(key for key in fleet.admin.must("key", "list", "--json").json if key["name"] == "stick")
    assert state["is_revoked"]
    assert fleet.viewer.type("key", "create", "stick-2").problem == "role_may_not"


def test_the_catalogue_is_listed_shown_and_read_again(fleet: Fleet) -> None:
    assert [one["version"] for one in fleet.viewer.must("release", "list", "--json").json] == [NEW, OLD]
    assert f"from {OLD}" in fleet.viewer.must("release", "show", NEW).out
    assert fleet.operator.must("release", "refresh").out == "Nothing new.\n"
    assert fleet.viewer.type("release", "show", "2027.1.1").problem == "release_unknown"


def test_a_repository_reads_the_same_from_its_folder_and_its_address(vendor: Vendor) -> None:
    def read(address: object) -> object:
        return vendor.person.must("release", "list", "--repository", address, "--root", vendor.root, "--json").json

    with RangeServer(vendor.repository) as server:
        assert read(server.url) == read(vendor.repository)
        said = vendor.person.must("release", "verify", "--repository", server.url, "--root", vendor.root)
    assert "2 releases" in said.out


def test_a_tampered_repository_is_found_out(vendor: Vendor, tmp_path: Path) -> None:
    copy = tmp_path / "repository"
    shutil.copytree(vendor.repository, copy)
    blob = next(path for path in (copy / "blobs").rglob("*") if path.is_file())
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1
    blob.write_bytes(content)
    said = vendor.person.type("release", "verify", "--repository", copy, "--root", vendor.root, "--json")
    assert said.code == 6
    assert not said.json["is_sound"]
    assert [problem["code"] for problem in said.json["problems"]] == ["blob_differs"]


def test_a_repository_signed_by_somebody_else_is_untrusted(vendor: Vendor, tmp_path: Path) -> None:
    vendor.person.must("keyring", "init", tmp_path / "keyring", "--repository", tmp_path / "repository")
    said = vendor.person.type("release", "list", "--repository", tmp_path / "repository", "--root", vendor.root)
    assert said.code == 6


def test_the_same_version_with_other_content_is_a_conflict(vendor: Vendor, tmp_path: Path) -> None:
    build_tree(tmp_path / "tree", "something else")
    output = tmp_path / "out"
    vendor.person.must("release", "build", tmp_path / "tree", "--version", NEW, "--format", "tar", "--output", output)
    said = _publish(vendor, output)
    assert (said.code, said.problem) == (5, "release_differs")


def test_publishing_twice_changes_nothing(vendor: Vendor) -> None:
    assert "was published already" in _publish(vendor, vendor.folder / "out" / NEW).out


def test_a_folder_that_is_no_release_is_named(vendor: Vendor, tmp_path: Path) -> None:
    said = _publish(vendor, tmp_path)
    assert (said.code, said.problem) == (2, "release_folder_invalid")


def test_the_same_inputs_give_the_same_bytes(vendor: Vendor, tmp_path: Path) -> None:
    build_tree(tmp_path / "tree", "any")
    words = ("--version", "2026.12.1", "--format", "tar", "--created", "2026-11-02T08:00:00")
    for name in ("a", "b"):
        vendor.person.must("release", "build", tmp_path / "tree", *words, "--output", tmp_path / name)
    assert (tmp_path / "a/manifest.json").read_bytes() == (tmp_path / "b/manifest.json").read_bytes()


def test_keys_are_never_overwritten(vendor: Vendor) -> None:
    said = vendor.person.type("keyring", "init", vendor.keyring, "--repository", vendor.repository)
    assert (said.code, said.problem) == (5, "keyring_exists")


def test_keys_are_replaced_and_the_old_trust_anchor_still_leads_there(tmp_path: Path) -> None:
    person = Person(tmp_path / "nobody.json")
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("a long passphrase")
    keyring, repository = tmp_path / "keyring", tmp_path / "repository"
    places = ("--keyring", keyring, "--repository", repository)
    offline = ("--passphrase-file", passphrase)
    person.must("keyring", "init", keyring, "--repository", repository, *offline)
    shutil.copy(keyring / "root.json", tmp_path / "first-root.json")
    assert person.type("keyring", "rotate", "root", *places).problem == "key_missing"
    for key in ("root", "releases"):
        person.must("keyring", "rotate", key, *places, *offline)
    person.must("release", "renew", *places)
    person.must("release", "verify", "--repository", repository, "--root", tmp_path / "first-root.json")


def test_a_second_user_of_one_address_is_refused(fleet: Fleet, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("short")
    machine = Person(tmp_path / "machine.json")
    create = ("console", "create-user", "--config", fleet.console.config, "--password-file", password)
    said = machine.type(*create, "new@example.org", "--role", "vendor-support")
    assert (said.code, said.problem) == (2, "password_too_short")
    password.write_text("correct horse battery")
    said = machine.type(*create, "account-admin@example.org", "--role", "vendor-support")
    assert (said.code, said.problem) == (5, "user_exists")
    said = machine.type(*create, "new@example.org", "--role", "account-admin", "--account", "Nobody")
    assert (said.code, said.problem) == (3, "account_unknown")


def test_a_console_whose_address_is_taken_says_so(fleet: Fleet) -> None:
    said = fleet.admin.type("console", "serve", "--config", fleet.console.config)
    assert (said.code, said.problem) == (7, "address_in_use")


def test_settings_that_nobody_knows_are_refused(tmp_path: Path) -> None:
    config = tmp_path / "console.toml"
    config.write_text("colour = 'red'\n")
    said = Person(tmp_path / "nobody.json").type("console", "init", "--config", config)
    assert (said.code, said.problem) == (2, "settings_invalid")


def _publish(vendor: Vendor, folder: Path) -> Said:
    words = ("--repository", vendor.repository, "--keyring", vendor.keyring)
    return vendor.person.type("release", "publish", folder, *words)
