import { expect, test } from 'vitest'
import { asTarget, guessUnit, nodes, shortNames } from './names.ts'

test.each([
  ['a.b.c', ['a', 'b', 'c']],
  ['a.{b.x,c}.d', ['a', '{b.x,c}', 'd']],
  ['a.b;t=1.2', ['a', 'b;t=1.2'].map((part) => part.split(';')[0] || part)],
])('nodes of %s', (name, wanted) => expect(nodes(name).map((part) => part.split(';')[0])).toEqual(wanted))

test.each([
  [['host.web1.cpu.user', 'host.web1.cpu.system'], ['user', 'system']],
  [['stats.a.count', 'stats.b.count'], ['a', 'b']],
  [['d.sent_bytes_per_second', 'd.received_bytes_per_second'], ['sent', 'received']],
  [['stats.timers.api.upper_90'], ['api.upper_90']],
  [['sumSeries(a.*)', 'b'], ['sumSeries(a.*)', 'b']],
  [['x.y.a', 'sum(q)', 'x.y.b'], ['a', 'sum(q)', 'b']],
  [['a', 'a'], ['a', 'a']],
  [['asPercent(up.box.failed,up.box.done)', 'asPercent(up.s3.failed,up.s3.done)'], ['box', 's3']],
  [['view.x.p90', 'scale(up.box.n,2)', 'view.y.p90', 'scale(up.s3.n,2)'], ['x', 'scale box', 'y', 'scale s3']],
  [['scale(a.b,2)', 'scale(a.b.c,2)'], ['scale(a.b,2)', 'scale(a.b.c,2)']],
  [[], []],
])('short names %#', (names, wanted) => expect(shortNames(names)).toEqual(wanted))

test.each([
  ['host.web1.memory.used_bytes', 'B'],
  ['host.web1.network.eth0.received_bytes_per_second', 'B/s'],
  ['stats.timers.api.upper_90', 'ms'],
  ['stats.timers.api.count', null],
  ['app.requests.m1_rate', '/s'],
  ['host.cpu.percent', '%'],
  ['sumSeries(a.bytes)', null],
  ['asPercent(a.bytes,b.bytes)', '%'],
  ['movingAverage(asPercent(a.ms),5)', '%'],
])('unit of %s', (name, wanted) => expect(guessUnit(name)).toBe(wanted))

test.each([
  ['a.b', 'a.b'],
  ['a.b*c', 'a.b\\*c'],
  ['a;dc=x;host=y', "seriesByTag('name=a', 'dc=x', 'host=y')"],
])('target of %s', (name, wanted) => expect(asTarget(name)).toBe(wanted))
