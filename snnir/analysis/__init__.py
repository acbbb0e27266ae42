"""Facts about a program that passes and backends share: ranges, widths, cycles."""
