"""The job that the project starts from, "Triggering API jobs", written anew from its description for the comparison."""
