# SPDX-License-Identifier: BSD-2-Clause
import pytest
from support.scale import Network


@pytest.fixture(scope="module")
def network():
    made = Network()
    try:
        made.build()
    except OSError as e:
        made.end()
        pytest.skip(f"no network namespaces here: {e}")
    yield made
    made.end()


@pytest.fixture
def gateways(network, setup):
    """A function: start one in each namespace, with this configuration."""
    def start(config):
        made = []
        for holder in network.gateways:
            s = setup.sluice(config, start=False)
            s.inside = network.inside(holder)
            s.start()
            made.append(s)
        return made
    return start
