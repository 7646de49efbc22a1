"""The options for reading the input can be sent to other processes."""

import pickle

from rokt_export.transactions.source_options import InputFormat, SourceOptions


def test_options_travel_to_other_processes():
    options = SourceOptions(wanted=frozenset({"email"}), columns={"a": "b"}, format=InputFormat.CSV)
    assert pickle.loads(pickle.dumps(options)) == options
