"""Tests of what pasted texts and logs say."""
