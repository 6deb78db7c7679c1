"""The script index: headers, folders, problems, inputs (SQ-7)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from muster.domain.errors import InvalidInput, NotFound
from muster.domain.script import InputType
from muster.domain.task import TaskKind
from muster.scripts.index import ScriptIndex

BACKUP = """#!/usr/bin/env bash
# Copyright: nobody
#
# name: backup
# description: Dump the database
#   and keep seven days
# inputs:
#   target: string required
#   level: int default=3
#   ratio: float 0.5
#   dry: bool default false
#   mode: choice(fast, full) default=fast
#   note: string
# outputs:
#   file: string where the dump is
# tags: db, nightly
# timeout: 2m
# task_class: FAST_SCRIPT
# And a closing remark.
echo hi
# name: not-me
"""

FULL_YAML = """# name: train
# inputs:
#   - name: epochs
#     type: int
#     required: true
#     description: Rounds of training
#   - size: {type: choice, choices: [s, m], default: s}
# outputs: [model, log]
# tags: [ml, "gpu"]
import sys
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "scripts"
    made.mkdir()
    return made


def index_of(folder: Path, **files: str) -> ScriptIndex:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    index = ScriptIndex([folder])
    index.reload()
    return index


def problem(folder: Path, header: str) -> str:
    index = index_of(folder, x__sh=f"# name: x\n{header}\n")
    assert index.search() == []
    [found] = index.problems
    return f"{found.line}: {found.message}"


class TestHeaders:
    """What a comment header may say."""

    def test_a_bash_header_is_read_in_full(self, folder: Path) -> None:
        index = index_of(folder, backup__sh=BACKUP)
        script = index.get("backup")
        assert (script.kind, script.path) == (TaskKind.BASH, str(folder / "backup.sh"))
        assert script.description == "Dump the database and keep seven days"
        assert (script.tags, script.timeout_seconds, script.task_class) == (
            ("db", "nightly"),
            120,
            "FAST_SCRIPT",
        )
        assert {item.name: (item.type, item.required, item.default) for item in script.inputs} == {
            "target": (InputType.STRING, True, None),
            "level": (InputType.INT, False, 3),
            "ratio": (InputType.FLOAT, False, 0.5),
            "dry": (InputType.BOOL, False, False),
            "mode": (InputType.CHOICE, False, "fast"),
            "note": (InputType.STRING, False, None),
        }
        assert [(item.name, item.type, item.description) for item in script.outputs] == [
            ("file", "string", "where the dump is")
        ]
        assert index.problems == ()

    def test_inputs_may_be_full_yaml(self, folder: Path) -> None:
        script = index_of(folder, train__py=FULL_YAML).get("train")
        assert script.kind is TaskKind.PYTHON
        assert [(item.name, item.type, item.required) for item in script.inputs] == [
            ("epochs", InputType.INT, True),
            ("size", InputType.CHOICE, False),
        ]
        assert script.inputs[0].description == "Rounds of training"
        assert [item.name for item in script.outputs] == ["model", "log"]
        assert script.tags == ("ml", "gpu")

    def test_files_without_a_suffix_are_known_by_their_first_line(self, folder: Path) -> None:
        index = index_of(
            folder,
            a="#!/bin/sh\n# name: a\n",
            b="#!/usr/bin/env python3\n# name: b\n",
            c="#!/usr/bin/perl\n# name: c\n",
            d="# name: d\n",
        )
        assert {script.name: script.kind for script in index.search()} == {
            "a": TaskKind.BASH,
            "b": TaskKind.PYTHON,
        }

    def test_files_without_a_header_are_no_scripts_and_no_problems(self, folder: Path) -> None:
        index = index_of(folder, a__sh="echo hi\n# name: late\n", b__py='"""Doc."""\n', c__txt="# name: c\n")
        assert index.search() == []
        assert index.problems == ()

    @pytest.mark.parametrize(
        ("header", "expected"),
        [
            ("# name: y", "2: name is given twice, first at line 1"),
            ("# timeout: soon", "2: timeout 'soon' must be seconds"),
            ("# timeout: 0", "2: timeout '0' must be seconds"),
            ("# task_class: a b", "2: task_class 'a b' is not a name"),
            ("# inputs:\n#   a: integr", "2: input a: type integr is none of string, int"),
            ("# inputs:\n#   a: int default=x", "2: input a: its default must be a whole number, not 'x'"),
            ("# inputs:\n#   a: choice", "2: input a: a choice, and only a choice, needs choices"),
            ("# inputs:\n#   a: choice(x) y", "2: input a: its default must be one of x, not 'y'"),
            ("# inputs:\n#   a-b: int", "2: input 'a-b' may hold letters"),
            ("# inputs:\n#   a: {typ: int}", "2: input a has an unknown key typ"),
            ("# inputs:\n#   a: [", "not readable"),
            ("# inputs:\n#   a: &x int\n#   b: *x", "2: a header cannot use YAML aliases"),
            ("# inputs: 7", "2: inputs and outputs are lines like"),
        ],
    )
    def test_a_bad_header_is_a_problem_with_its_line(self, folder: Path, header: str, expected: str) -> None:
        assert expected in problem(folder, header)

    def test_a_header_without_a_name_is_a_problem(self, folder: Path) -> None:
        index = index_of(folder, x__sh="# description: lost\n")
        assert [item.message for item in index.problems] == [
            "the header has no name; add a line '# name: ...'"
        ]

    def test_a_misspelt_key_is_pointed_out_and_the_rest_is_used(self, folder: Path) -> None:
        index = index_of(folder, x__sh="# name: x\n# descripton: lost\n# Author: me\n")
        assert index.get("x").description == ""
        assert [(item.line, item.message) for item in index.problems] == [
            (2, "descripton is not a key of a header; did you mean description?")
        ]


class TestFolders:
    """Files are the source of truth; the index never leaves its folders."""

    def test_reload_sees_new_changed_and_removed_files(self, folder: Path) -> None:
        index = index_of(folder, a__sh="# name: a\n", b__sh="# name: b\n")
        (folder / "a.sh").unlink()
        (folder / "b.sh").write_text("# name: b\n# description: new\n")
        (folder / "c.sh").write_text("# name: c\n")
        assert [script.name for script in index.search()] == ["a", "b"]
        index.reload()
        assert [(script.name, script.description) for script in index.search()] == [("b", "new"), ("c", "")]

    def test_subfolders_are_searched_but_hidden_and_cache_folders_are_not(self, folder: Path) -> None:
        for name in ("deep/er", ".git", "node_modules"):
            (folder / name).mkdir(parents=True)
            (folder / name / "x.sh").write_text(f"# name: {name.split('/')[0].strip('.')}\n")
        assert [script.name for script in index_of(folder).search()] == ["deep"]

    def test_links_out_of_the_folder_are_refused(self, folder: Path, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "evil.sh").write_text("# name: evil\n")
        (folder / "evil.sh").symlink_to(outside / "evil.sh")
        (folder / "evils").symlink_to(outside)
        (folder / "loop").symlink_to(folder)
        (folder / "real.sh").write_text("# name: real\n")
        (folder / "alias.sh").symlink_to(folder / "real.sh")
        index = index_of(folder)
        assert [script.name for script in index.search()] == ["real"]
        assert sorted(Path(item.path).name for item in index.problems) == ["evil.sh", "evils"]
        assert all("is a link out of" in item.message for item in index.problems)

    def test_of_two_scripts_of_one_name_the_first_is_used_and_the_other_named(self, folder: Path) -> None:
        index = index_of(folder, a__sh="# name: same\n", b__sh="# name: same\n")
        assert index.get("same").path.endswith("a.sh")
        [found] = index.problems
        assert found.path.endswith("b.sh")
        assert str(folder / "a.sh") in found.message

    def test_binary_and_huge_and_dangling_files_do_no_harm(self, folder: Path) -> None:
        (folder / "bin.sh").write_bytes(b"# name: bin\n# description: \xff\xfe\x00\n" + os.urandom(100_000))
        (folder / "fifo.sh").unlink(missing_ok=True)
        os.mkfifo(folder / "fifo.sh")
        (folder / "gone.sh").symlink_to(folder / "nowhere")
        index = index_of(folder)
        assert [script.name for script in index.search()] == ["bin"]

    def test_a_missing_folder_is_an_empty_index(self, tmp_path: Path) -> None:
        index = ScriptIndex([tmp_path / "none"])
        assert index.reload().scripts == {}

    def test_search_wants_every_word_and_the_tag(self, folder: Path) -> None:
        index = index_of(folder, backup__sh=BACKUP, train__py=FULL_YAML)
        assert [script.name for script in index.search("database DUMP")] == ["backup"]
        assert [script.name for script in index.search("nightly")] == ["backup"]
        assert [script.name for script in index.search(tag="ml")] == ["train"]
        assert index.search("database ml") == []

    def test_an_unknown_script_is_answered_with_the_nearest_name(self, folder: Path) -> None:
        with pytest.raises(NotFound, match=r"no script bakcup\. Did you mean backup\?"):
            index_of(folder, backup__sh=BACKUP).get("bakcup")


class TestInputs:
    """A script is enqueued by name with validated inputs."""

    def test_texts_become_the_declared_types_and_defaults_are_filled_in(self, folder: Path) -> None:
        script = index_of(folder, backup__sh=BACKUP).get("backup")
        assert script.checked_inputs({"target": "x", "level": " 7 ", "dry": "yes", "ratio": 1}) == {
            "target": "x",
            "level": 7,
            "ratio": 1.0,
            "dry": True,
            "mode": "fast",
        }

    def test_a_task_carries_everything_the_header_says(self, folder: Path) -> None:
        fields = index_of(folder, backup__sh=BACKUP).get("backup").task_fields({"target": "x"})
        assert fields["kind"] == "bash"
        assert fields["payload"]["path"] == str(folder / "backup.sh")
        assert fields["payload"]["inputs"]["target"] == "x"
        assert (fields["timeout_seconds"], fields["task_class"]) == (120, "FAST_SCRIPT")

    @pytest.mark.parametrize(
        ("given", "field", "expected"),
        [
            ({}, "inputs.target", "is required by script backup"),
            ({"target": None}, "inputs.target", "is required"),
            ({"target": "x", "levle": 1}, "inputs.levle", "did you mean level?"),
            ({"target": "x", "zzz": 1}, "inputs.zzz", "it takes target, level"),
            ({"target": "x", "level": "1.5"}, "inputs.level", "must be a whole number"),
            ({"target": "x", "level": True}, "inputs.level", "must be a whole number"),
            ({"target": "x", "level": 2**70}, "inputs.level", "must be a whole number"),
            ({"target": "x", "ratio": "nan"}, "inputs.ratio", "must be a number"),
            ({"target": "x", "dry": "perhaps"}, "inputs.dry", "must be true or false"),
            ({"target": "x", "mode": "slow"}, "inputs.mode", "must be one of fast, full"),
            ({"target": ["x"]}, "inputs.target", "must be text"),
            ({"target": "a\x00b"}, "inputs.target", "NUL byte"),
            ({"target": "x" * 40_000}, "inputs.target", "longer than"),
        ],
    )
    def test_a_wrong_input_is_named(
        self, folder: Path, given: dict[str, object], field: str, expected: str
    ) -> None:
        script = index_of(folder, backup__sh=BACKUP).get("backup")
        with pytest.raises(InvalidInput) as caught:
            script.task_fields(given)
        assert caught.value.details["field"] == field
        assert expected in caught.value.message
