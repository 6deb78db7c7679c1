"""Folders to choose from: never beyond the roots, with what git and the history say of them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI

from muster.api.native import create_native_app
from muster.api.services import Services
from muster.store.database import Store
from tests.api.asgi import Api
from tests.api.test_claims import claim, end, submit
from tests.api.test_task_merge import git


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    for name in ("plain", "repo", ".hidden", "Zeta"):
        (folder / name).mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (folder / "leads-out").symlink_to(tmp_path / "outside")
    (folder / "leads-in").symlink_to(folder / "plain")
    (folder / "file.txt").write_text("x")
    repo = folder / "repo"
    git(repo, "init", "-q", "-b", "main")
    (repo / "a.txt").write_text("one\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "first")
    return folder


@pytest.fixture
def api(services: Services, router: FastAPI, root: Path) -> Api:
    return Api(create_native_app(replace(services, roots=(root,)), router))


async def folder(api: Api, path: Path | str, more: str = "") -> Any:
    return await api.get(f"/api/v1/directories?path={quote(str(path))}{more}")


async def test_a_root_lists_its_folders_and_what_git_says(api: Api, root: Path) -> None:
    """OD-8"""
    (root / "repo" / "a.txt").write_text("two\n")
    (root / "repo" / "new.txt").write_text("x")
    listing = (await api.get("/api/v1/directories")).json
    assert [entry["name"] for entry in listing["folders"]] == ["leads-in", "plain", "repo", "Zeta"]
    repo = listing["folders"][2]
    assert (repo["repository"], repo["branch"], repo["dirty"]) == (True, "main", 2)
    assert (listing["folders"][1]["repository"], listing["folders"][1]["dirty"]) == (False, None)
    assert (listing["roots"], listing["parent"], listing["running"]) == ([str(root)], None, [])
    below = (await folder(api, root / "plain")).json
    (root / "repo" / "src").mkdir()
    within = [(await folder(api, root / name)).json["within"] for name in ("plain", "repo", "repo/src")]
    assert within == [None, str(root / "repo"), str(root / "repo")]
    assert (below["parent"], below["folders"], below["problem"]) == (str(root), [], None)


async def test_hidden_folders_are_listed_when_asked_for(api: Api, root: Path) -> None:
    """OD-8"""
    names = [entry["name"] for entry in (await folder(api, root, "&hidden=true")).json["folders"]]
    assert names[0] == ".hidden"
    assert ".git" not in [
        entry["name"] for entry in (await folder(api, root / "repo", "&hidden=true")).json["folders"]
    ]


@pytest.mark.parametrize("way", ["..", "plain/../..", "leads-out", "../outside", "repo/../../outside"])
async def test_nothing_leads_out_of_the_roots(api: Api, root: Path, way: str) -> None:
    """OD-8: neither dots nor links."""
    reply = await folder(api, f"{root}/{way}")
    assert (reply.status, reply.json["details"]["field"]) == (422, "path")


async def test_a_link_that_stays_inside_is_followed_to_where_it_leads(api: Api, root: Path) -> None:
    """OD-8"""
    assert (await folder(api, root / "leads-in")).json["here"]["path"] == str(root / "plain")


async def test_a_folder_that_is_not_there_and_one_that_is_a_file_are_not_found(api: Api, root: Path) -> None:
    """OD-8"""
    for name in ("gone", "file.txt"):
        assert (await folder(api, root / name)).status == 404
    assert (await api.get("/api/v1/directories?path=plain")).status == 422


async def test_what_is_being_typed_lists_the_nearest_folder_above(api: Api, root: Path) -> None:
    """OD-8"""
    near = (await folder(api, root / "re", "&nearest=true")).json
    assert (near["here"]["path"], near["found"]) == (str(root), False)
    assert (await folder(api, root / "repo", "&nearest=true")).json["found"] is True
    assert (await folder(api, "/nowhere/at/all", "&nearest=true")).status == 422


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_a_folder_that_may_not_be_read_says_so(api: Api, root: Path) -> None:
    """OD-8"""
    (root / "plain").chmod(0)
    listing = (await folder(api, root / "plain")).json
    assert listing["problem"] == f"{root / 'plain'} cannot be read: permission denied"


async def test_a_repository_runs_nothing_when_it_is_looked_at(api: Api, root: Path, tmp_path: Path) -> None:
    """A filter that the repository's configuration names is not run for a look."""
    repo, proof = root / "repo", tmp_path / "ran"
    git(repo, "config", "filter.evil.clean", f"touch {proof}; cat")
    git(repo, "config", "core.fsmonitor", f"touch {proof}")
    (repo / ".gitattributes").write_text("*.txt filter=evil\n")
    (repo / "a.txt").write_text("changed\n")
    listing = (await folder(api, repo)).json
    assert (listing["here"]["branch"], listing["here"]["dirty"]) == ("main", 2)
    assert not proof.exists()


async def test_folders_used_before_come_with_their_use_the_last_first(
    api: Api, store: Store, root: Path, tmp_path: Path
) -> None:
    """OD-8: from the tasks themselves; of those outside the roots nothing is told."""
    await submit(store, spec={"working_dir": str(tmp_path / "outside")})
    await submit(store)
    last = ""
    for _ in range(2):
        last = await submit(store, spec={"working_dir": str(root / "repo")})
    used = (await api.get("/api/v1/directories/recent")).json["items"]
    assert [(entry["path"], entry["tasks"], entry["allowed"]) for entry in used] == [
        (str(root / "repo"), 2, True),
        (str(tmp_path / "outside"), 1, False),
    ]
    assert (used[0]["last_task_id"], used[0]["branch"], used[0]["dirty"]) == (last, "main", 0)
    assert (used[1]["repository"], used[1]["branch"], used[1]["dirty"]) == (None, None, None)


async def test_what_runs_in_a_folder_is_told(api: Api, store: Store, root: Path) -> None:
    """OD-8"""
    task = await submit(store, "Mend it", spec={"working_dir": f"{root}/repo/"})
    (claimed,) = await claim(api)
    (there,) = (await folder(api, root / "repo")).json["running"]
    assert there == {"task_id": task, "title": "Mend it", "agent_id": "ann", "in_place": True}
    await end(api, claimed)
    assert (await folder(api, root / "repo")).json["running"] == []
