"""One delivery process for all tests of a file, and the addresses of phones."""

from collections.abc import Iterator

import pytest

from tests.support.delivery_kit import (
    Stage,
    phones,
    running,
    take_home,
    visits,
)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One delivery process for the whole file; each test has visits, and so links, of its own."""
    with running(tmp_path_factory.mktemp("delivery") / "sock") as stage:
        yield stage


@pytest.fixture
def port(stage: Stage) -> int:
    return stage.network.port


@pytest.fixture
def usual(stage: Stage) -> Iterator[Stage]:
    """The stage, whose parameters are put back afterwards."""
    before = stage.parameters
    yield stage
    stage.parameters = before
    stage.delivery.poll()
    # The process takes commands in their order: an answer to a later one means that it has these parameters.
    stage.offer(take_home(next(visits)))


@pytest.fixture
def phone() -> str:
    """An address of its own, for a test that asks for much that is not there: such misses are counted."""
    return next(phones)
