"""The config flow of accounts and the subentry flow of inverters."""
