"""What engineers run by hand: replay, decode, events, check, ledger, demo."""
