import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cebox.errors import CeboxError, Conflict, Exhausted, InvalidInput, NotFound, Unavailable, Untrusted
from cebox.release.applying.apply import Applied, apply_best, apply_image
from cebox.release.applying.budget import Budget
from cebox.release.manifest import Way, find_way, full_way
from cebox.release.network.transport import FolderTransport, HttpTransport, Transport
from cebox.release.patch import most_payload_bytes
from cebox.release.trust.images import verify_image
from tests.integration.release.conftest import Vendor, make_transport
from tests.integration.release.samples import make_slot, new_image, read_slot
from tests.servers.range_server import RangeServer


def patch_way(vendor: Vendor) -> Way:
    way = find_way(vendor.image, vendor.old.root.sha256)
    assert way is not None
    return way


def best(vendor: Vendor, transport: Transport, slot: Path, old: Path | None, *, resume: bool = False) -> Applied:
    return apply_best(vendor.image, vendor.old.root.sha256, transport, slot=slot, old=old, resume=resume)


def refuse(work: Callable[[], object]) -> CeboxError:
    with pytest.raises(CeboxError) as refusal:
        work()
    return refusal.value


def test_the_patch_from_the_running_image_is_the_best_way(
    vendor: Vendor, transport: HttpTransport, slot: Path, old_slot: Path
) -> None:
    running_before = old_slot.read_bytes()

    applied = best(vendor, transport, slot, old_slot)

    assert applied.way == "patch from 2026.10.1"
    assert applied.received_bytes == patch_way(vendor).blob.size
    assert applied.fell_back is None
    assert read_slot(slot, vendor.image) == new_image()
    assert old_slot.read_bytes() == running_before


@pytest.mark.parametrize("running", [None, "f" * 64])
def test_without_a_patch_the_full_way_is_taken(
    vendor: Vendor, transport: HttpTransport, slot: Path, old_slot: Path, running: str | None
) -> None:
    applied = apply_best(vendor.image, running, transport, slot=slot, old=old_slot)

    assert applied.way == "full"
    assert applied.received_bytes == full_way(vendor.image).blob.size
    assert read_slot(slot, vendor.image) == new_image()


def test_a_box_that_cannot_afford_the_patch_takes_the_full_way(
    vendor: Vendor, transport: HttpTransport, slot: Path, old_slot: Path
) -> None:
    needed_bytes = patch_way(vendor).bounds.memory_bytes
    poor, rich = Budget(needed_bytes - 1), Budget(needed_bytes)
    running = vendor.old.root.sha256

    assert apply_best(vendor.image, running, transport, slot=slot, old=old_slot, budget=poor).way == "full"
    assert apply_best(vendor.image, running, transport, slot=slot, old=old_slot, budget=rich).way != "full"


def test_what_lies_behind_the_image_in_the_slot_is_left_alone(
    vendor: Vendor, transport: HttpTransport, slot: Path, old_slot: Path
) -> None:
    with slot.open("r+b") as stream:
        stream.seek(vendor.image.size)
        stream.write(b"behind")

    best(vendor, transport, slot, old_slot)

    assert slot.read_bytes()[vendor.image.size :].startswith(b"behind")


def test_leftovers_in_the_slot_do_no_harm(vendor: Vendor, transport: HttpTransport, slot: Path, old_slot: Path) -> None:
    slot.write_bytes(os.urandom(slot.stat().st_size))

    best(vendor, transport, slot, old_slot)

    verify_image(vendor.image, slot)


@pytest.mark.parametrize("damage", ["one_byte", "shorter", "zeroed", "missing"])
def test_a_damaged_running_slot_leads_to_the_full_way(
    vendor: Vendor, transport: HttpTransport, slot: Path, old_slot: Path, damage: str
) -> None:
    content = bytearray(old_slot.read_bytes())
    content[2_400_000] ^= 1
    damaged = {"one_byte": bytes(content), "shorter": bytes(content[:1_000_000]), "zeroed": bytes(len(content))}
    if damage == "missing":
        old_slot.unlink()
    else:
        old_slot.write_bytes(damaged[damage])

    applied = best(vendor, transport, slot, old_slot)

    assert applied.way == "full"
    assert applied.fell_back == "old_slot_damaged"
    assert read_slot(slot, vendor.image) == new_image()


def test_a_mirror_without_the_patch_serves_the_full_image(
    vendor: Vendor, transport: HttpTransport, slot: Path, old_slot: Path
) -> None:
    (vendor.repository / patch_way(vendor).blob.path).unlink()

    applied = best(vendor, transport, slot, old_slot)

    assert (applied.way, applied.fell_back) == ("full", "blob_missing")
    verify_image(vendor.image, slot)


def test_a_missing_blob_is_named(vendor: Vendor, transport: HttpTransport, slot: Path) -> None:
    way = full_way(vendor.image)
    (vendor.repository / way.blob.path).unlink()
    refusal = refuse(lambda: apply_image(way, vendor.image, transport, slot=slot))

    assert isinstance(refusal, NotFound)
    assert refusal.code == "blob_missing"
    assert way.blob.sha256 in refusal.message


@pytest.mark.parametrize("fault", ["truncated", "head_bit_flipped", "payload_bit_flipped", "last_bit_flipped", "noise"])
@pytest.mark.parametrize("kind", ["full", "patch"])
def test_a_damaged_patch_file_is_refused_and_the_image_never_verifies(
    vendor: Vendor, transport: HttpTransport, slot: Path, old_slot: Path, fault: str, kind: str
) -> None:
    way = full_way(vendor.image) if kind == "full" else patch_way(vendor)
    path = vendor.repository / way.blob.path
    content = bytearray(path.read_bytes())
    if fault == "truncated":
        del content[-1]
    elif fault == "noise":
        content = bytearray(os.urandom(len(content)))
    else:
        content[{"head": 20, "payload": way.index_bytes + 5, "last": -1}[fault.split("_")[0]]] ^= 4
    path.write_bytes(content)
    refusal = refuse(lambda: apply_image(way, vendor.image, transport, slot=slot, old=old_slot))

    assert isinstance(refusal, Untrusted)
    assert refusal.code in {"patch_differs", "blob_truncated"}
    assert refuse(lambda: verify_image(vendor.image, slot)).code == "image_differs"


def test_a_damaged_patch_leads_to_the_full_way(
    vendor: Vendor, transport: HttpTransport, slot: Path, old_slot: Path
) -> None:
    path = vendor.repository / patch_way(vendor).blob.path
    path.write_bytes(path.read_bytes()[:-1])

    applied = best(vendor, transport, slot, old_slot)

    assert (applied.way, applied.fell_back) == ("full", "blob_truncated")
    verify_image(vendor.image, slot)


@pytest.mark.parametrize("size", [0, 4096, -1])
def test_a_slot_too_small_is_refused_before_anything_is_fetched(
    vendor: Vendor, transport: HttpTransport, tmp_path: Path, size: int
) -> None:
    slot = make_slot(tmp_path / "small", size if size >= 0 else vendor.image.size - 1)
    refusal = refuse(lambda: apply_image(full_way(vendor.image), vendor.image, transport, slot=slot))

    assert isinstance(refusal, Exhausted)
    assert refusal.code == "slot_too_small"
    assert transport.received_bytes == 0


def test_a_slot_that_fits_exactly_is_enough(vendor: Vendor, transport: HttpTransport, tmp_path: Path) -> None:
    slot = make_slot(tmp_path / "exact", vendor.image.size)
    apply_image(full_way(vendor.image), vendor.image, transport, slot=slot)

    verify_image(vendor.image, slot)


def test_a_missing_slot_is_an_error_of_the_settings(vendor: Vendor, transport: HttpTransport, tmp_path: Path) -> None:
    way = full_way(vendor.image)
    refusal = refuse(lambda: apply_image(way, vendor.image, transport, slot=tmp_path / "no slot"))

    assert isinstance(refusal, InvalidInput)
    assert refusal.code == "slot_missing"


def test_the_running_slot_is_never_written(vendor: Vendor, transport: HttpTransport, old_slot: Path) -> None:
    running_before = old_slot.read_bytes()
    alias = old_slot.with_name("alias")
    alias.symlink_to(old_slot)
    refusal = refuse(lambda: best(vendor, transport, alias, old_slot))

    assert refusal.code == "slot_is_running"
    assert old_slot.read_bytes() == running_before


def test_a_cut_connection_costs_no_byte_twice(
    vendor: Vendor, server: RangeServer, transport: HttpTransport, slot: Path
) -> None:
    server.faults.cut_after_bytes = 100_000

    applied = apply_image(full_way(vendor.image), vendor.image, transport, slot=slot)

    assert applied.received_bytes == full_way(vendor.image).blob.size
    verify_image(vendor.image, slot)


def test_a_server_that_ignores_range_serves_too(
    vendor: Vendor, server: RangeServer, transport: HttpTransport, slot: Path, old_slot: Path
) -> None:
    server.faults.ignore_range = True
    best(vendor, transport, slot, old_slot)

    verify_image(vendor.image, slot)


def test_all_payloads_come_in_one_request(
    vendor: Vendor, server: RangeServer, transport: HttpTransport, slot: Path
) -> None:
    apply_image(full_way(vendor.image), vendor.image, transport, slot=slot)

    assert len(server.requests) == 2


def test_the_progress_ends_at_the_size_of_the_download(
    vendor: Vendor, transport: HttpTransport, slot: Path, old_slot: Path
) -> None:
    for way in vendor.image.ways:
        seen: list[tuple[int, int]] = []
        apply_image(
            way, vendor.image, transport, slot=slot, old=old_slot, progress=lambda *step, seen=seen: seen.append(step)
        )

        assert seen == sorted(seen)
        assert seen[-1] == (way.blob.size, way.blob.size)


def test_a_cancelled_update_stops_and_can_be_resumed(vendor: Vendor, transport: HttpTransport, slot: Path) -> None:
    way = full_way(vendor.image)
    refusal = refuse(
        lambda: apply_image(
            way,
            vendor.image,
            transport,
            slot=slot,
            budget=Budget(decoders=1),
            should_stop=lambda: transport.received_bytes > 1_300_000,
        )
    )
    assert isinstance(refusal, Conflict)
    assert refusal.code == "update_cancelled"
    before = transport.received_bytes

    applied = apply_image(way, vendor.image, transport, slot=slot, resume=True)

    assert applied.skipped_segments > 0
    # One was coming, one waited, one was being decoded.
    assert before + applied.received_bytes < way.blob.size + 3 * most_payload_bytes(way.bounds.segment_bytes)
    verify_image(vendor.image, slot)


def test_resuming_what_is_whole_fetches_nothing_but_the_list(
    vendor: Vendor, transport: HttpTransport, slot: Path
) -> None:
    way = full_way(vendor.image)
    apply_image(way, vendor.image, transport, slot=slot)

    applied = apply_image(way, vendor.image, transport, slot=slot, resume=True)

    assert applied.skipped_segments == applied.segments
    assert applied.received_bytes == way.index_bytes


def test_resuming_repairs_only_what_is_damaged(vendor: Vendor, transport: HttpTransport, slot: Path) -> None:
    way = full_way(vendor.image)
    apply_image(way, vendor.image, transport, slot=slot)
    with slot.open("r+b") as stream:
        for place in (0, 2_000_000):
            stream.seek(place)
            stream.write(b"damage")

    applied = apply_image(way, vendor.image, transport, slot=slot, resume=True)

    assert applied.segments - applied.skipped_segments == 2
    verify_image(vendor.image, slot)


APPLY = """
import sys
from pathlib import Path
from cebox.domain.version import Version
from cebox.release.applying.apply import apply_best
from cebox.release.manifest import decode_manifest
from cebox.release.network.transport import HttpTransport

manifest = decode_manifest(Path(sys.argv[1]).read_bytes())
slot, old, running = Path(sys.argv[3]), Path(sys.argv[4]), sys.argv[5]
apply_best(manifest.root, running or None, HttpTransport(sys.argv[2]), slot=slot, old=old)
"""


@pytest.mark.parametrize("is_full", [True, False])
def test_a_kill_in_the_middle_is_resumed_without_fetching_all_again(
    vendor: Vendor, server: RangeServer, slot: Path, old_slot: Path, is_full: bool
) -> None:
    way = full_way(vendor.image) if is_full else patch_way(vendor)
    running = "" if is_full else vendor.old.root.sha256
    manifest = vendor.release_folder(vendor.new) / "manifest.json"
    server.faults.hold_after_bytes = way.blob.size * 3 // 4
    command = [sys.executable, "-c", APPLY, str(manifest), server.url, str(slot), str(old_slot), running]
    with subprocess.Popen(command) as process:
        assert server.held.wait(60)
        process.send_signal(signal.SIGKILL)
        process.wait()
    server.let_go()
    server.sent_bytes = 0

    with make_transport(server) as transport:
        applied = apply_best(vendor.image, running or None, transport, slot=slot, old=old_slot, resume=True)

    assert applied.way == ("full" if is_full else "patch from 2026.10.1")
    assert read_slot(slot, vendor.image) == new_image()


@pytest.fixture
def file_limit_bytes() -> int:
    """Where the limited process may write no further: a full disk that needs no mount, and no root."""
    return 1_500_000


def test_a_full_disk_is_said_so_and_resumed_when_there_is_room(
    vendor: Vendor, slot: Path, tmp_path: Path, file_limit_bytes: int
) -> None:
    manifest = vendor.release_folder(vendor.new) / "manifest.json"
    script = f"""
import resource
from pathlib import Path
from cebox.errors import CeboxError
from cebox.release.applying.apply import apply_image
from cebox.release.manifest import decode_manifest, full_way
from cebox.release.network.transport import FolderTransport

image = decode_manifest(Path({str(manifest)!r}).read_bytes()).root
resource.setrlimit(resource.RLIMIT_FSIZE, ({file_limit_bytes}, {file_limit_bytes}))
try:
    apply_image(full_way(image), image, FolderTransport(Path({str(vendor.repository)!r})), slot=Path({str(slot)!r}))
except CeboxError as error:
    print(type(error).__name__, error.code)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["Exhausted", "disk_full"]

    transport = FolderTransport(vendor.repository)
    applied = apply_image(full_way(vendor.image), vendor.image, transport, slot=slot, resume=True)

    assert applied.skipped_segments > 0
    verify_image(vendor.image, slot)


def test_an_unreachable_server_leaves_the_work_to_be_resumed(vendor: Vendor, server: RangeServer, slot: Path) -> None:
    way = full_way(vendor.image)
    with make_transport(server, give_up_after_seconds=0.3) as transport:
        server.faults.cut_after_bytes = 1_000_000
        refusal = refuse(
            lambda: apply_image(
                way,
                vendor.image,
                transport,
                slot=slot,
                progress=lambda done, _: server.stop() if done > 900_000 else None,
            )
        )
    assert isinstance(refusal, Unavailable)
    assert refusal.is_transient

    applied = apply_image(way, vendor.image, FolderTransport(vendor.repository), slot=slot, resume=True)

    assert applied.skipped_segments > 0
    verify_image(vendor.image, slot)


def test_a_verification_reads_what_is_in_the_slot(
    vendor: Vendor, transport: HttpTransport, slot: Path, old_slot: Path
) -> None:
    best(vendor, transport, slot, old_slot)
    with slot.open("r+b") as stream:
        stream.seek(vendor.image.size - 1)
        stream.write(b"\xaa")

    assert refuse(lambda: verify_image(vendor.image, slot)).code == "image_differs"
