"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "audit",
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(length=100), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entry", name=op.f("pk_audit")),
    )
    op.create_table(
        "erasure",
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("entry", name=op.f("pk_erasure")),
    )
    op.create_table(
        "event",
        sa.Column("event", sa.String(length=200), nullable=False),
        sa.Column("source", sa.String(length=50), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("event", name=op.f("pk_event")),
    )
    op.create_table(
        "instrument",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("study", sa.JSON(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_instrument")),
        sa.UniqueConstraint("digest", name=op.f("uq_instrument_digest")),
    )
    op.create_table(
        "prompt",
        sa.Column("prompt", sa.String(length=200), nullable=False),
        sa.Column("texts", sa.JSON(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("prompt", name=op.f("pk_prompt")),
    )
    op.create_table(
        "quota",
        sa.Column("quota", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("where", sa.JSON(), nullable=False),
        sa.Column("cap", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.CheckConstraint("taken >= 0 AND taken <= cap", name=op.f("ck_quota_places")),
        sa.PrimaryKeyConstraint("quota", name=op.f("pk_quota")),
    )
    op.create_table(
        "researcher",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("password_hash", sa.String(length=300), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.CheckConstraint("role IN ('viewer', 'manager')", name=op.f("ck_researcher_role")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_researcher")),
    )
    op.create_table(
        "item",
        sa.Column("item", sa.String(length=200), nullable=False),
        sa.Column("prompt", sa.String(length=200), nullable=False),
        sa.Column("context", sa.String(length=200), nullable=True),
        sa.Column("texts", sa.JSON(), nullable=False),
        sa.Column("cap", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("shuffle", sa.Float(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("taken >= 0 AND taken <= cap", name=op.f("ck_item_places")),
        sa.ForeignKeyConstraint(["prompt"], ["prompt.prompt"], name=op.f("fk_item_prompt")),
        sa.PrimaryKeyConstraint("item", name=op.f("pk_item")),
    )
    op.create_index("ix_item_next", "item", ["active", "taken", "shuffle"], unique=False)
    op.create_index("ix_item_prompt", "item", ["prompt"], unique=False)
    op.create_table(
        "participant",
        sa.Column("participant", sa.String(length=32), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("instrument", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=20), nullable=False),
        sa.Column("origin", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("cell", sa.String(length=200), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('screening', 'rating', 'demographics', 'lapsed', 'screened_out', 'quota_full', 'finished')",
            name=op.f("ck_participant_state"),
        ),
        sa.ForeignKeyConstraint(["instrument"], ["instrument.version"], name=op.f("fk_participant_instrument")),
        sa.PrimaryKeyConstraint("participant", name=op.f("pk_participant")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_participant_token_hash")),
    )
    op.create_index("ix_participant_state", "participant", ["state", "seen_at"], unique=False)
    op.create_table(
        "answer",
        sa.Column("participant", sa.String(length=32), nullable=False),
        sa.Column("question", sa.String(length=100), nullable=False),
        sa.Column("code", sa.String(length=100), nullable=False),
        sa.Column("instrument", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["instrument"], ["instrument.version"], name=op.f("fk_answer_instrument")),
        sa.ForeignKeyConstraint(["participant"], ["participant.participant"], name=op.f("fk_answer_participant")),
        sa.PrimaryKeyConstraint("participant", "question", name=op.f("pk_answer")),
    )
    op.create_table(
        "assignment",
        sa.Column("assignment", sa.String(length=32), nullable=False),
        sa.Column("participant", sa.String(length=32), nullable=False),
        sa.Column("item", sa.String(length=200), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('leased', 'done', 'skipped', 'expired')", name=op.f("ck_assignment_state")),
        sa.ForeignKeyConstraint(["item"], ["item.item"], name=op.f("fk_assignment_item")),
        sa.ForeignKeyConstraint(["participant"], ["participant.participant"], name=op.f("fk_assignment_participant")),
        sa.PrimaryKeyConstraint("assignment", name=op.f("pk_assignment")),
        sa.UniqueConstraint("participant", "item", name=op.f("uq_assignment_participant_item")),
        sa.UniqueConstraint("participant", "position", name=op.f("uq_assignment_participant_position")),
    )
    op.create_index("ix_assignment_item", "assignment", ["item"], unique=False)
    op.create_index("ix_assignment_lease", "assignment", ["state", "leased_until"], unique=False)
    op.create_table(
        "consent",
        sa.Column("participant", sa.String(length=32), nullable=False),
        sa.Column("part", sa.String(length=100), nullable=False),
        sa.Column("text_hash", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=20), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["participant"], ["participant.participant"], name=op.f("fk_consent_participant")),
        sa.PrimaryKeyConstraint("participant", "part", name=op.f("pk_consent")),
    )
    op.create_table(
        "coverage",
        sa.Column("item", sa.String(length=200), nullable=False),
        sa.Column("cell", sa.String(length=200), nullable=False),
        sa.Column("cap", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("shuffle", sa.Float(), nullable=False),
        sa.CheckConstraint("taken >= 0 AND taken <= cap", name=op.f("ck_coverage_places")),
        sa.ForeignKeyConstraint(["item"], ["item.item"], name=op.f("fk_coverage_item")),
        sa.PrimaryKeyConstraint("item", "cell", name=op.f("pk_coverage")),
    )
    op.create_index("ix_coverage_next", "coverage", ["cell", "taken", "shuffle"], unique=False)
    op.create_table(
        "identity",
        sa.Column("participant", sa.String(length=32), nullable=False),
        sa.Column("platform", sa.String(length=20), nullable=False),
        sa.Column("external_hash", sa.String(length=64), nullable=False),
        sa.Column("submission", sa.String(length=200), nullable=True),
        sa.Column("study", sa.String(length=200), nullable=True),
        sa.Column("destroy_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["participant"], ["participant.participant"], name=op.f("fk_identity_participant")),
        sa.PrimaryKeyConstraint("participant", name=op.f("pk_identity")),
        sa.UniqueConstraint("platform", "external_hash", name=op.f("uq_identity_platform_external_hash")),
    )
    op.create_index("ix_identity_submission", "identity", ["submission"], unique=False)
    op.create_table(
        "quota_place",
        sa.Column("quota", sa.Integer(), nullable=False),
        sa.Column("participant", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["participant"], ["participant.participant"], name=op.f("fk_quota_place_participant")),
        sa.ForeignKeyConstraint(["quota"], ["quota.quota"], name=op.f("fk_quota_place_quota")),
        sa.PrimaryKeyConstraint("quota", "participant", name=op.f("pk_quota_place")),
    )
    op.create_index("ix_quota_place_participant", "quota_place", ["participant"], unique=False)
    op.create_table(
        "attention",
        sa.Column("assignment", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["assignment"], ["assignment.assignment"], name=op.f("fk_attention_assignment")),
        sa.PrimaryKeyConstraint("assignment", "position", name=op.f("pk_attention")),
    )
    op.create_table(
        "first_answer",
        sa.Column("assignment", sa.String(length=32), nullable=False),
        sa.Column("value", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["assignment"], ["assignment.assignment"], name=op.f("fk_first_answer_assignment")),
        sa.PrimaryKeyConstraint("assignment", name=op.f("pk_first_answer")),
    )
    op.create_table(
        "rating",
        sa.Column("assignment", sa.String(length=32), nullable=False),
        sa.Column("dimension", sa.String(length=100), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("instrument", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("value >= 1", name=op.f("ck_rating_value")),
        sa.ForeignKeyConstraint(["assignment"], ["assignment.assignment"], name=op.f("fk_rating_assignment")),
        sa.ForeignKeyConstraint(["instrument"], ["instrument.version"], name=op.f("fk_rating_instrument")),
        sa.PrimaryKeyConstraint("assignment", "dimension", name=op.f("pk_rating")),
    )
    op.create_table(
        "task",
        sa.Column("assignment", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('edit', 'craft')", name=op.f("ck_task_kind")),
        sa.ForeignKeyConstraint(["assignment"], ["assignment.assignment"], name=op.f("fk_task_assignment")),
        sa.PrimaryKeyConstraint("assignment", "kind", name=op.f("pk_task")),
    )
