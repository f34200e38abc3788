"""What a retrain has brought about: compared with what the old champion would have done."""
