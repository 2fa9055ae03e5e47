"""Traffic, recorded as it happens: publishing at a rate, consuming in groups, in-process or not."""
