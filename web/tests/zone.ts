// Unit tests read clocks in a zone whose clocks change.
process.env.TZ = 'Europe/Vienna'
