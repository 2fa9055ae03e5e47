"""Pure functions from a history to the anomalies in it, and the judge that weighs them by claims."""
