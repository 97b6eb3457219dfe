"""The conformance kit on a class and on a compiled program of one's own; they agree to the bit."""

from __future__ import annotations

import numpy as np
import own_cases
import pytest
from halocast.config import RunSettings
from halocast.models import Model, build_model
from halocast.testing import ModelTests, restart_changes_nothing


class TestPythonClassConforms(ModelTests):
    @pytest.fixture
    def model(self, python_settings: RunSettings) -> Model:
        return build_model(python_settings.model, own_cases.grid())


class TestFortranProgramConforms(ModelTests):
    @pytest.fixture
    def model(self, external_settings: RunSettings) -> Model:
        return build_model(external_settings.model, own_cases.grid())


def test_the_program_and_the_class_give_the_same_bits(python_settings, external_settings):
    models = [build_model(s.model, own_cases.grid()) for s in (python_settings, external_settings)]
    ahead = []
    for model in models:
        state = model.initial_state(None)
        ahead.append(model.advance(state, own_cases.START, own_cases.START + own_cases.HOUR, None))
    assert not np.array_equal(ahead[0], models[0].initial_state(None))
    np.testing.assert_array_equal(*ahead)


SINGLE = """
import sys, h5py
with h5py.File(sys.argv[1]) as old, h5py.File(sys.argv[2], "w") as new:
    new["tracer"] = (old["tracer"][:] * 0.97 ** int(sys.argv[3])).astype("f4")
"""


def test_a_program_that_rounds_its_restart_files_is_found_out(tmp_path, external_settings):
    own_cases.write_initial(tmp_path / "initial.nc", "tracer")
    settings = external_settings.model.model_copy(
        update={
            "command": own_cases.python_program(tmp_path, SINGLE),
            "fields": {"tracer": external_settings.model.fields["tracer"].model_copy(
                update={"variable": None}
            )},
            "initial": str(tmp_path / "initial.nc"),
            "files": [],
        }
    )  # fmt: skip
    model = build_model(settings, own_cases.grid())
    with pytest.raises(AssertionError, match="advance in two pieces is not bitwise the same"):
        restart_changes_nothing(model, None, own_cases.START, own_cases.START + own_cases.HOUR)
