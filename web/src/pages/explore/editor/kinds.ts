/** Lengths of time that people mean when they say "a while". */
export const INTERVALS = ['10s', '1min', '5min', '10min', '15min', '1h', '6h', '1d', '7d', '30d']
