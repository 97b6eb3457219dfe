"""The problems of the field's papers."""
