"""What a metric is made of: the shape of its facts, a percentile, slices; and an objective's rule for few cases."""

from __future__ import annotations

from persistence.migrate import run

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# The shapes of the metrics that exist follow from their aggregations. They are set by a change of type, since an update
# would be under row-level security, which holds for the owner of the tables too.
METRIC = """
ALTER TABLE metric DROP CONSTRAINT metric_aggregation_check;
ALTER TABLE metric ADD CONSTRAINT metric_aggregation_check CHECK (aggregation IN (
    'availability', 'ratio_of_sums', 'mean_of_slices', 'good_slices',
    'mean', 'minimum', 'maximum', 'sum', 'count', 'percentile'));
ALTER TABLE metric
    ADD COLUMN shape text NOT NULL DEFAULT '',
    ADD COLUMN percentile numeric,
    ADD COLUMN slice interval,
    ADD COLUMN slice_target numeric,
    ADD COLUMN slice_direction text NOT NULL DEFAULT 'at_least',
    ADD COLUMN staleness interval;
ALTER TABLE metric ALTER COLUMN shape DROP DEFAULT, ALTER COLUMN slice_direction DROP DEFAULT;
ALTER TABLE metric ALTER COLUMN shape TYPE text USING CASE aggregation
    WHEN 'availability' THEN 'outage' WHEN 'ratio_of_sums' THEN 'tally' ELSE 'sample' END;
ALTER TABLE metric ADD CONSTRAINT metric_shape_check CHECK (shape IN ('sample', 'tally', 'outage'));
ALTER TABLE metric ADD CONSTRAINT metric_slice_direction_check CHECK (slice_direction IN ('at_least', 'at_most'));
"""

OBJECTIVE = """
ALTER TABLE objective ADD COLUMN low_volume text NOT NULL DEFAULT 'none'
    CONSTRAINT objective_low_volume_check CHECK (low_volume IN ('none', 'one_miss'));
ALTER TABLE objective ALTER COLUMN low_volume DROP DEFAULT;
"""

# A metric that only newer code knows would stop the check: the way back is for who has none.
BACK = """
ALTER TABLE objective DROP COLUMN low_volume;
ALTER TABLE metric DROP CONSTRAINT metric_aggregation_check;
ALTER TABLE metric ADD CONSTRAINT metric_aggregation_check CHECK (aggregation IN (
    'availability', 'ratio_of_sums', 'mean', 'minimum', 'maximum', 'sum', 'count'));
ALTER TABLE metric
    DROP COLUMN shape,
    DROP COLUMN percentile,
    DROP COLUMN slice,
    DROP COLUMN slice_target,
    DROP COLUMN slice_direction,
    DROP COLUMN staleness;
"""


def upgrade() -> None:
    run(METRIC)
    run(OBJECTIVE)


def downgrade() -> None:
    run(BACK)
