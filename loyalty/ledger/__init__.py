"""The ledger: units held in accounts that only ever move, and the only writer of balances."""
