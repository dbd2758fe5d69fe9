"""Gates: the checks a patched arm must pass, by the equivalence its patches claim.

``smoke`` comes first for every claim. Then what the call returned is compared to the bit
(``bitwise``); what is equal needs no looser gate. For looser claims ``returned`` holds its type,
rate and waveform, and what parts were asked for; then their own gate compares replays, in which
every stage is recomputed from the baseline's recording of the stage before it.

A gate is a module of this package; `patcher.gates.registry` finds it.
"""
