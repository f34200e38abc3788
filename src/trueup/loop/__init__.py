"""The loop: observe, decide, act; and look afterwards whether it helped."""
