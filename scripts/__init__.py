"""Commands for people, and the packages behind them. Nothing that serves imports this."""
