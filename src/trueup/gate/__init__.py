"""What a candidate must show: metrics, paired comparison, slices, power, verdict."""
