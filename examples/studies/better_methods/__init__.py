"""What makes our methods better on simulated people: augmentation, pretraining, score normalisation, more enrolment?

    python -m examples.studies.better_methods FOLDER --worlds life-mixed

One resumable command. It simulates each world and a spare cohort of other people, trains every variant with each seed,
scores it in every way on validation and on test people, and prints tables (docs/experiments/better_methods.md).
"""
