import os
from pathlib import Path

import pytest

from cebox.image.factory import move_var_to_factory


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for folder in ("var/lib/dpkg", "var/lib/chrony", "var/cache/apt", "var/log/nginx", "home", "root", "usr/local/bin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/status").write_text("Package: nano\n")
    (tmp_path / "var/lib/chrony/keys").write_text("none\n")
    (tmp_path / "var/lib/chrony/keys").chmod(0o640)
    (tmp_path / "var/cache/apt/pkgcache.bin").write_text("cache")
    (tmp_path / "var/log/nginx/access.log").write_text("log")
    (tmp_path / "var/run").symlink_to("/run")
    return tmp_path


def read_lines(tree: Path) -> list[str]:
    return (tree / "usr/lib/tmpfiles.d/00-cebox-factory.conf").read_text().splitlines()[1:]


def test_var_is_empty_afterwards(tree: Path) -> None:
    move_var_to_factory(tree)

    assert list((tree / "var").iterdir()) == []


def test_what_a_package_has_there_is_made_on_the_box(tree: Path) -> None:
    move_var_to_factory(tree)

    lines = read_lines(tree)
    owner = f"{os.getuid()} {os.getgid()}"
    assert f"d /var/lib/chrony 0755 {owner} -" in lines
    assert f"C /var/lib/chrony/keys 0640 {owner} - /usr/share/factory/var/lib/chrony/keys" in lines
    assert (tree / "usr/share/factory/var/lib/chrony/keys").read_text() == "none\n"
    assert "L /var/run - - - - /run" in lines


def test_a_folder_comes_before_what_is_in_it(tree: Path) -> None:
    move_var_to_factory(tree)

    paths = [line.split()[1] for line in read_lines(tree)]
    assert paths == sorted(paths)


def test_the_package_manager_caches_and_logs_stay_behind_but_not_their_folders(tree: Path) -> None:
    move_var_to_factory(tree)

    text = "\n".join(read_lines(tree))
    assert "dpkg" not in text
    assert "pkgcache" not in text
    assert "access.log" not in text
    assert "/var/log/nginx" in text


def test_folders_that_people_write_to_are_on_the_data_partition(tree: Path) -> None:
    move_var_to_factory(tree)

    assert (tree / "home").readlink() == Path("var/home")
    assert (tree / "root").readlink() == Path("var/roothome")
    assert (tree / "usr/local").readlink() == Path("../var/usrlocal")
