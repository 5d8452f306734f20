"""The life of a job: the only code that changes Job.status."""
