from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recorded answers beside the checkout; whoever has none skips the tests that need it."""
    folder = Path(__file__).parents[2] / "shared"
    if not (folder / "recordings").is_dir():
        pytest.skip("needs the recorded answers in ../shared, which are not part of the repository")
    return folder
