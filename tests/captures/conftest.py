"""The bucket that captures go to."""

import pytest

from trueup.store.memory import MemoryBucket


@pytest.fixture
def bucket() -> MemoryBucket:
    """An empty bucket."""
    return MemoryBucket()
