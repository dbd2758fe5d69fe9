"""Sources: a distribution in any form is read, and nothing of it is ever run."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from patcher.errors import PatcherError
from patcher.store.source import find_source, normalise
from patcher.store.workspace import Workspace
from tests.store.conftest import tree_of

TRAP = b"raise SystemExit('this was imported')\n"
METADATA = b"Metadata-Version: 2.1\nName: Sample_Dist\nVersion: 1.2\nRequires-Dist: x>=1\n\nWords\n"


def wheel(place: Path, extra: dict[str, bytes] | None = None) -> Path:
    path = place / "sample_dist-1.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {
            "sample/__init__.py": TRAP,
            "sample/deep/mod.py": b"x = 1\r\n",
            "sample/data.txt": b"data",
            "sample/__pycache__/mod.cpython-311.pyc": b"",
            "sample_dist-1.2.dist-info/METADATA": METADATA,
            "sample_dist-1.2.dist-info/RECORD": b"",
            **(extra or {}),
        }.items():
            archive.writestr(name, data)
    return path


def sdist(place: Path, files: dict[str, bytes]) -> Path:
    path = place / "sample_dist-1.2.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"sample_dist-1.2/{name}")
            member.size = len(data)
            member.mode = 0o755 if name.endswith("run.py") else 0o644
            archive.addfile(member, io.BytesIO(data))
    return path


PROJECT = {
    "pyproject.toml": b'[project]\nname = "Sample.Dist"\nversion = "1.2"\n'
    b'dependencies = ["x>=1"]\n',
    "setup.py": TRAP,
    "README.md": b"",
    "src/sample/__init__.py": TRAP,
    "src/sample/deep/mod.py": b"x = 1\n",
    "src/sample/deep/run.py": b"x = 1\n",
    "tests/__init__.py": TRAP,
    "tests/test_it.py": TRAP,
}
FILES = ["sample/__init__.py", "sample/deep/mod.py", "sample/deep/run.py"]


def folder(place: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = place / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return place / "project"


def test_a_wheel_is_unpacked_without_bytecode(tmp_path: Path) -> None:
    actual = find_source(str(wheel(tmp_path)))
    assert (actual.distribution, actual.version) == ("sample-dist", "1.2")
    assert actual.packages == ("sample",)
    assert sorted(actual.files) == [
        "sample/__init__.py", "sample/data.txt", "sample/deep/mod.py",
        "sample_dist-1.2.dist-info/METADATA", "sample_dist-1.2.dist-info/RECORD",
    ]  # fmt: skip
    assert actual.files["sample/deep/mod.py"] == (b"x = 1\r\n", 0o600)


def test_what_a_wheel_keeps_in_its_data_folder_comes_to_the_root(tmp_path: Path) -> None:
    path = wheel(tmp_path, {"sample_dist-1.2.data/purelib/sample/more.py": b"m\n"})
    assert find_source(str(path)).files["sample/more.py"][0] == b"m\n"


@pytest.mark.parametrize("name", ["../evil.py", "/evil.py", "sample/../../evil.py", ".git/config"])
def test_a_wheel_that_reaches_outside_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(PatcherError) as caught:
        find_source(str(wheel(tmp_path, {name: b""})))
    assert caught.value.code == "unsafe-path"


def test_links_in_a_wheel_are_left_out(tmp_path: Path) -> None:
    path = wheel(tmp_path)
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("sample/link.py")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert "sample/link.py" not in find_source(str(path)).files


@pytest.mark.parametrize("kind", ["sdist", "folder", "checkout"])
def test_a_project_gives_its_packages_with_metadata_beside_them(tmp_path: Path, kind: str) -> None:
    if kind == "sdist":
        path = sdist(tmp_path, PROJECT)
    else:
        path = folder(tmp_path, PROJECT)
        if kind == "checkout":
            subprocess.run(["git", "init", "-q", str(path)], check=True)
    actual = find_source(str(path))
    assert (actual.distribution, actual.version) == ("sample-dist", "1.2")
    assert sorted(actual.files) == [*FILES, "sample_dist-1.2.dist-info/METADATA"]
    metadata = actual.files["sample_dist-1.2.dist-info/METADATA"][0].decode()
    assert "Name: Sample.Dist\nVersion: 1.2\n" in metadata
    if kind == "sdist":
        assert actual.files["sample/deep/run.py"][1] == 0o755
        assert actual.import_root is None
    else:
        assert actual.import_root == path / "src"
        assert actual.origin == f"{kind} {path}"


METADATA_FROM = {
    "PKG-INFO": ({"PKG-INFO": METADATA}, "1.2"),
    "egg-info": ({"src/s.egg-info/PKG-INFO": METADATA}, "1.2"),
    "setup.cfg": ({"setup.cfg": b"[metadata]\nname = sample-dist\nversion = 1.2\n"}, "1.2"),
    "the package's own __version__": (
        {"pyproject.toml": b'[project]\nname = "sample-dist"\ndynamic = ["version"]\n',
         "sample/__init__.py": b'__version__ = "1.2"\n'}, "1.2"),
    "nothing: the version is 0": (
        {"pyproject.toml": b'[project]\nname = "sample-dist"\n'}, "0"),
    "nothing that can be read": (
        {"pyproject.toml": b'[project]\nname = "sample-dist"\n',
         "setup.cfg": b"not a section\n"}, "0"),
}  # fmt: skip


@pytest.mark.parametrize("case", METADATA_FROM)
def test_name_and_version_come_without_running_anything_from(tmp_path: Path, case: str) -> None:
    files, version = METADATA_FROM[case]
    actual = find_source(str(folder(tmp_path, {"sample/__init__.py": b"", **files})))
    assert (actual.distribution, actual.version) == ("sample-dist", version)


def test_python_3_10_reads_name_and_version_without_a_toml_reader(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "tomllib", None)
    actual = find_source(str(folder(tmp_path, PROJECT)))
    assert (actual.distribution, actual.version) == ("sample-dist", "1.2")


def test_a_flat_folder_of_modules_is_a_source(tmp_path: Path) -> None:
    actual = find_source(str(folder(tmp_path, {"one.py": b"", "setup.py": TRAP})))
    assert actual.packages == ("one.py",)
    assert actual.distribution == "project"


@pytest.mark.parametrize("where", ["nothing/here", "missing.whl", "x==", "x==1; rm"])
def test_what_is_no_source_is_said_in_words(where: str) -> None:
    with pytest.raises(PatcherError) as caught:
        find_source(where)
    assert caught.value.code == "source"


def test_a_package_folder_points_to_its_parent(tmp_path: Path) -> None:
    path = folder(tmp_path, {"sample/__init__.py": b""})
    with pytest.raises(PatcherError) as caught:
        find_source(str(path / "sample"))
    assert caught.value.hint == f"patcher init {path}"


def test_a_folder_without_python_is_no_source(tmp_path: Path) -> None:
    with pytest.raises(PatcherError, match="no Python package"):
        find_source(str(folder(tmp_path, {"README.md": b""})))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 broken", b"not an archive"])
def test_a_broken_archive_is_said_in_words(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "it.whl").write_bytes(data)
    with pytest.raises(PatcherError) as caught:
        find_source(str(tmp_path / "it.whl"))
    assert caught.value.code == "source"


def test_an_archive_that_swells_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("patcher.store.source.MAX_TOTAL_BYTES", 10)
    with pytest.raises(PatcherError, match="more than 10 bytes"):
        find_source(str(wheel(tmp_path)))


def test_what_is_not_installed_names_the_ways_to_get_it() -> None:
    with pytest.raises(PatcherError, match="is not installed") as caught:
        find_source("no-such-distribution-anywhere")
    assert "pip install no-such-distribution-anywhere" in caught.value.hint


def test_an_installed_distribution_is_read_from_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel(tmp_path)) as archive:
        archive.extractall(site)
    record = "".join(
        f"{path.relative_to(site).as_posix()},,\n" for path in site.rglob("*") if path.is_file()
    )
    outside = "../../bin/tool,,\n/etc/passwd,,\nsample/gone.py,,\n"
    (site / "sample_dist-1.2.dist-info" / "RECORD").write_text(record + outside)
    (site / "sample" / "unlisted.py").write_bytes(b"")
    (site / "sample" / "linked.py").symlink_to("data.txt")
    monkeypatch.syspath_prepend(site)
    actual = find_source("sample.dist")
    assert actual.distribution == "sample-dist"
    assert actual.packages == ("sample",)
    assert "sample/deep/mod.py" in actual.files
    assert not {"sample/unlisted.py", "sample/linked.py", "../../bin/tool"} & set(actual.files)
    assert actual.origin == "installed Sample_Dist 1.2"


def test_an_editable_installation_leads_to_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = folder(tmp_path, PROJECT)
    info = tmp_path / "site" / "sample_dist-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_bytes(METADATA)
    (info / "RECORD").write_text("")
    url = {"url": project.as_uri(), "dir_info": {"editable": True}}
    (info / "direct_url.json").write_text(json.dumps(url))
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert find_source("sample-dist").import_root == project / "src"


def test_a_git_url_is_cloned_and_its_commit_named(tmp_path: Path) -> None:
    project = folder(tmp_path, PROJECT)
    who = ["-c", "user.name=Someone", "-c", "user.email=someone@example.org"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=project, check=True)
    (project / "src/sample/uncommitted.py").write_bytes(b"")
    actual = find_source(f"file://{project}")
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=project, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert actual.origin == f"file://{project} at {head}"
    assert sorted(actual.files) == [*FILES, "sample_dist-1.2.dist-info/METADATA"]
    with pytest.raises(PatcherError, match="could not clone"):
        find_source(f"file://{tmp_path}/nothing")


def test_a_working_copy_of_a_source_runs_as_the_version_it_is(
    tmp_path: Path, workspace: Workspace
) -> None:
    project = {**PROJECT, "src/sample/__init__.py": b"import importlib.metadata as m\n"
               b"__version__ = m.version('sample-dist')\n"}  # fmt: skip
    copy = workspace.init(find_source(str(folder(tmp_path, project))))
    code = "import sample; print(sample.__version__)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=copy.root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "1.2"


@pytest.mark.parametrize(
    ("name", "normal"), [("Chatterbox_TTS", "chatterbox-tts"), ("a..b--c", "a-b-c"), ("x", "x")]
)
def test_names_are_compared_as_registries_do(name: str, normal: str) -> None:
    assert normalise(name) == normal


@pytest.mark.chatterbox
def test_chatterbox_is_read_from_where_it_is_installed(workspace: Workspace) -> None:
    pytest.importorskip("chatterbox")
    actual = find_source("chatterbox-tts")
    assert actual.distribution == "chatterbox-tts"
    assert "chatterbox/models/s3gen/hifigan.py" in actual.files
    assert any(path.endswith(".dist-info/METADATA") for path in actual.files)
    copy = workspace.init(actual)
    assert {path: data for path, (data, _) in tree_of(copy).items()} == {
        path: data for path, (data, _) in actual.files.items()
    }


@pytest.mark.registry
def test_a_version_comes_from_the_registry_and_is_not_imported() -> None:
    actual = find_source("chatterbox-tts==0.1.4")
    assert (actual.distribution, actual.version) == ("chatterbox-tts", "0.1.4")
    assert "chatterbox/models/s3gen/hifigan.py" in actual.files
    with pytest.raises(PatcherError, match="pip could not fetch"):
        find_source("chatterbox-tts==99.99")
