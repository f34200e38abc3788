"""How well a model does: realised by cohort where labels have come, estimated where not."""
