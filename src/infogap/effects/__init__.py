"""The effects of privileges: paired differences, contrasts with controls, pass@k. Open `effects_table.py` first."""
