"""docs/reference/configuration.md: every setting, from the model."""

from __future__ import annotations

from muster.bootstrap.loading import describe_settings

INTRODUCTION = """# Configuration

This page is generated from the settings themselves.

muster reads one file, `muster.yml`: the one `--config` or `MUSTER_CONFIG` names, else the one in the working
directory, else the one at the root of the git repository the working directory belongs to. Without a file the
defaults hold. `muster setup` writes one.

Every setting can be overridden by an environment variable and by a flag; a flag wins over a variable, a variable
over the file.

- **Variable**: `MUSTER_` and the key in upper case with `_` for the dots: `stale.fail_multiplier` is
  `MUSTER_STALE_FAIL_MULTIPLIER`. A few have a short name too. An empty variable counts as unset. Lists are separated
  by commas (`MUSTER_SCRIPTS_FOLDERS=scripts,tools`); maps are YAML (`MUSTER_TASK_CLASSES='{NIGHTLY: 3600}'`).
- **Flag**: `--set stale.fail_multiplier=3` on any verb; the usual ones have a flag of their own (`--host`, `--port`,
  `--data-dir`, `--database-url`).

Relative paths in the file start at the file's folder, those in variables and flags at the working directory. An
unknown key is refused, and the nearest known one is named.

A server whose `host` can be reached from other machines needs a token; without one it does not start.

```yaml
# muster.yml
environment: dev
server:
  host: 127.0.0.1
  port: 5005
data_dir: .muster
task_classes:
  NIGHTLY: 3600                 # seconds
  FETCH: {timeout_seconds: 120, network: true}
scripts:
  folders: [scripts, tools]
```

The standard task classes are FAST_SCRIPT (30 s), MEDIUM_SCRIPT (300 s), LLM_LITE (300 s) and LLM_HEAVY (900 s); the
last two may use the network.

| key | variable | type | default | meaning |
|---|---|---|---|---|
"""


def render() -> str:
    """The page."""
    rows = [
        f"| `{row['key']}` | `{row['variables'].replace(', ', '`, `')}` | {row['type']} | "
        f"{row['default'] or '-'} | {row['description'] or '-'} |"
        for row in describe_settings()
    ]
    return INTRODUCTION + "\n".join(rows) + "\n"
