"""What report and peers.py share: reading results, statistics, drawing. Python 3.8 and its standard library only."""
