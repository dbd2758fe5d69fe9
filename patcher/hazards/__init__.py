"""Know what a patch will break before it is applied: docs/scan.md.

tree.scan_static        the static map of packages        (no torch, nothing imported)
dynamic.Surveys.survey  the dynamic map of real runs      (workers; cached)
predict.predict         the hazards of patches            (from the two; nothing applied)
draft.draft             a spec that removes a hazard
summary, page           the dynamic map as tables, all of it as HTML
"""
