"""What an experiment found, in the forms of other tools; each is made from the ledger's records alone."""
