"""``python -m deploy.monitoring``: write the rules, the dashboards and the tables of the manual."""

from __future__ import annotations

from deploy.monitoring.files import REPOSITORY, made_files


def main() -> None:
    """Write what has changed, and say what that was."""
    for path, content in made_files().items():
        if not path.exists() or path.read_text() != content:
            path.write_text(content)
            print(path.relative_to(REPOSITORY))


if __name__ == "__main__":
    main()
