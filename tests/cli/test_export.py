"""What is handed on: git patches that say why, equal wheels to the byte, files in place."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import Patcher, runner
from tests.contract.adder import make_workspace


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose series was verified and timed, beside the project it is for."""
    folder = tmp_path_factory.mktemp("export")
    patcher = runner(make_workspace(folder))
    assert patcher("init", str(folder / "project")).status == 0
    assert patcher("apply", "use_sum", "use_shift").status == 0
    ran = patcher("verify", "--receipt", str(folder / "receipt.json"))
    assert ran.status == 0, ran.stderr
    return folder


@pytest.fixture
def adder(parent: Path) -> Patcher:
    return runner(parent / "workspace")


def patched(adder: Patcher) -> bytes:
    return Path(adder("status", "--json").json["root"], "adder.py").read_bytes()


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_git_am_of_the_export_on_a_pristine_checkout_is_the_working_copy(
    adder: Patcher, parent: Path, tmp_path: Path
) -> None:
    out, checkout = tmp_path / "out", tmp_path / "checkout"
    assert adder("export", "--format-patch", str(out)).status == 0
    checkout.mkdir()
    (checkout / "adder.py").write_bytes((parent / "project" / "adder.py").read_bytes())
    git(checkout, "init", "-q")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "pristine")
    git(checkout, "am", "-q", *map(str, sorted(out.iterdir())))
    assert (checkout / "adder.py").read_bytes() == patched(adder)
    log = git(checkout, "log", "--format=%B")
    assert "use_sum: total() uses the built-in sum" in log
    assert "Claim: bitwise, every output equals the original's to the bit." in log
    assert "verified, together with use_shift:" in log
    assert "1 of 1 pass (exit-status)" in log
    assert max(len(line) for line in log.splitlines() if "SHA256" not in line) <= 72


def test_patches_have_the_date_that_is_asked_for(adder: Patcher, tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder = str(tmp_path / name)
        assert adder("export", "--format-patch", folder, SOURCE_DATE_EPOCH="1700000000").status == 0
    one, two = (sorted((tmp_path / name).iterdir()) for name in ("one", "two"))
    assert [file.read_bytes() for file in one] == [file.read_bytes() for file in two]
    assert "Tue, 14 Nov 2023 22:13:20 +0000" in one[0].read_text()
    ran = adder("export", "--format-patch", str(tmp_path), SOURCE_DATE_EPOCH="today")
    assert ran.status == 2
    assert "SOURCE_DATE_EPOCH" in ran.stderr


def wheel(adder: Patcher, folder: Path, *words: str, **environment: str) -> Path:
    ran = adder("export", "--wheel", str(folder), *words, "--json", **environment)
    assert ran.status == 0, ran.stderr
    return Path(ran.json["files"][0])


def test_a_wheel_is_the_same_to_the_byte_and_its_entries_are_sorted(
    adder: Patcher, tmp_path: Path
) -> None:
    one, two = (wheel(adder, tmp_path / name) for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    dated = wheel(adder, tmp_path / "dated", SOURCE_DATE_EPOCH="1700000000")
    with zipfile.ZipFile(dated) as archive:
        entries = archive.infolist()
        names = [entry.filename for entry in entries]
        assert names[:-1] == sorted(names[:-1])  # and RECORD last
        assert {entry.date_time for entry in entries} == {(2023, 11, 14, 22, 13, 20)}
        assert {entry.compress_type for entry in entries} == {zipfile.ZIP_STORED}
        assert {entry.external_attr >> 16 for entry in entries} == {0o100644}


def test_a_wheel_says_what_was_patched_in_cyclonedx(adder: Patcher, tmp_path: Path) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    with zipfile.ZipFile(wheel(adder, tmp_path)) as archive:
        (name,) = (
            one for one in archive.namelist() if one.endswith(".dist-info/sboms/patcher.cdx.json")
        )
        text = archive.read(name).decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    component = json.loads(text)["metadata"]["component"]
    assert component["pedigree"]["ancestors"][0]["purl"] == "pkg:pypi/adder@1.2"
    first, second = component["pedigree"]["patches"]
    diffs = {one["diff"]["text"]["content"] for one in (first, second)}
    assert any("+    return sum(numbers)" in diff for diff in diffs)
    assert any("+    return number << 1" in diff for diff in diffs)


def test_a_wheel_carries_the_receipt_of_its_verification(
    adder: Patcher, parent: Path, tmp_path: Path
) -> None:
    receipt = parent / "receipt.json"
    made = [wheel(adder, tmp_path / "a"), wheel(adder, tmp_path / "b", "--receipt", str(receipt))]
    assert made[0].read_bytes() == made[1].read_bytes()  # it is that of the last pass
    with zipfile.ZipFile(made[0]) as archive:
        (name,) = (one for one in archive.namelist() if one.endswith("patcher/receipt.json"))
        assert json.loads(archive.read(name)) == json.loads(receipt.read_text())


def test_a_receipt_of_another_series_is_refused(parent: Path, tmp_path: Path) -> None:
    other = runner(make_workspace(tmp_path))
    assert other("init", str(tmp_path / "project")).status == 0
    assert other("apply", "use_sum").status == 0
    receipt = str(parent / "receipt.json")
    ran = other("export", "--wheel", str(tmp_path / "out"), "--receipt", receipt)
    assert ran.status == 2
    assert "it is of another series: use_sum, use_shift" in ran.stderr
    assert not (tmp_path / "out").exists()


def installed(folder: Path, text: bytes) -> Path:
    folder.mkdir()
    (folder / "adder.py").write_bytes(text)
    return folder


def test_in_place_writes_over_the_original_and_takes_it_back(
    adder: Patcher, parent: Path, tmp_path: Path
) -> None:
    original = (parent / "project" / "adder.py").read_bytes()
    place = installed(tmp_path / "site", original)
    (place / "adder.py").chmod(0o640)
    assert adder("export", "--in-place", str(place)).status == 0
    assert (place / "adder.py").read_bytes() == patched(adder)
    assert (place / "adder.py").stat().st_mode & 0o777 == 0o640
    assert adder("export", "--in-place", str(place), "--json").json["files"] == []
    assert adder("export", "--in-place", str(place), "--undo").status == 0
    assert (place / "adder.py").read_bytes() == original
    assert [each.name for each in place.iterdir()] == ["adder.py"]


def test_in_place_writes_nothing_over_somebodys_edit(adder: Patcher, tmp_path: Path) -> None:
    place = installed(tmp_path / "site", b"mine = 1\n")
    ran = adder("export", "--in-place", str(place), "--json")
    assert (ran.status, ran.json["error"]["code"]) == (3, "drift")
    assert (place / "adder.py").read_bytes() == b"mine = 1\n"
    (tmp_path / "empty").mkdir()
    ran = adder("export", "--in-place", str(tmp_path / "empty"), "--json")
    assert (ran.status, ran.json["error"]["code"]) == (2, "source")


@pytest.mark.slow  # an environment of its own
@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_an_installer_puts_the_wheel_over_the_original(
    tool: str, adder: Patcher, tmp_path: Path
) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    install = {
        "pip": [sys.executable, "-m", "pip", "--python", str(tmp_path / "env"), "install"],
        "uv": [sys.executable, "-m", "uv", "--no-cache", "pip", "install", "--python",
               str(tmp_path / "env")],
    }[tool]  # fmt: skip
    first = runner(make_workspace(tmp_path))
    assert first("init", str(tmp_path / "project")).status == 0
    for made in (wheel(first, tmp_path / "pristine"), wheel(adder, tmp_path / "patched")):
        subprocess.run([*install, "-q", "--no-deps", "--no-index", str(made)], check=True)
    (module,) = (tmp_path / "env").glob("lib/python*/site-packages/adder.py")
    assert module.read_bytes() == patched(adder)
    assert list(module.parent.glob("adder-*.dist-info/sboms/patcher.cdx.json"))
    assert len(list(module.parent.glob("adder-*.dist-info"))) == 1
