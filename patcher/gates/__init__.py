"""Gates: the checks a patched arm must pass, by the equivalence its patches claim.

``smoke`` comes first for every claim, then ``bitwise``, then the claim's own gate where that is
looser: what is equal to the bit needs no looser gate. The looser gates compare replays, in which
every stage is recomputed from the baseline's recording of the stage before it.

A gate is a module of this package; `patcher.gates.registry` finds it.
"""
