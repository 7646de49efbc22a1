"""The benchmark rig: `python -m bench` measures rokt-export and its peers side by side, in one run on one machine.

The way of a run: `workload` makes the file and the spec, `partner` starts nginx, `tools` finds the peers, `processes`
runs and measures them, each module of `sections` asks one question, `report` prints the answers and writes the page.
"""
