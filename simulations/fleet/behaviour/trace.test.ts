import test from 'ava'
import fc from 'fast-check'
import { convertFedScale } from './fed-scale.ts'
import { traceOf } from './trace.ts'
import { tracedAvailability, tracedNumbers } from './traced.ts'

const header = 'device,attribute,value,end'
const read = (...lines: readonly string[]) => traceOf([header, ...lines].join('\n'), 'phones.csv')

test('a trace has the numbers and intervals of its lines, in any order', (t) => {
  const { rows, numbers, intervals } = traceOf(
    [
      '\ufeffdevice,attribute,value,end',
      'b,available,7200,10800',
      '*,period,86400,',
      '',
      'a,speed,12.5',
      'b, speed, 3,',
      'a,availableMs,500,1500',
      'a,available,1.5,2',
      'b,available,0,60',
      'b,periodMs,20000000,',
      'b,upload,1e6,',
      'a,upload,2e5,',
    ].join('\r\n'),
    'phones.csv',
  )
  t.is(rows, 2)
  t.deepEqual(numbers, { speed: Float64Array.of(3, 12.5), upload: Float64Array.of(1e6, 2e5) })
  t.deepEqual(intervals, {
    offsets: Uint32Array.of(0, 2, 3),
    starts: Float64Array.of(0, 7_200_000, 500),
    ends: Float64Array.of(60_000, 10_800_000, 2_000),
    periods: Float64Array.of(20_000_000, 86_400_000),
  })
})

test('a trace with a fault is refused with the line and what was expected', (t) => {
  const refused = (code: string, lines: readonly string[], values: object) =>
    t.like(
      t.throws(() => read(...lines), { code }),
      { values: { file: 'phones.csv', ...values } },
    )
  const line = (text: string, came: string) => refused('TRACE_LINE', ['a,speed,1,', text], { line: 3, came })
  line('a,sped,1,', "attribute 'sped'")
  line('b,speed,-1,', "speed '-1'")
  line('b,speed,0,', "speed '0'")
  line('b,speed,,', "speed ''")
  line('b,speed', "speed ''")
  line('b,speed,fast,', "speed 'fast'")
  line('b,upload,Infinity,', "upload 'Infinity'")
  line(',speed,1,', 'no device')
  line('*,speed,1,', 'speed of all devices')
  line('b,speed,1,2', "end '2' of speed")
  line('b,speed,1,,5', '5 fields')
  line('b,available,5,', "available from '5' to ''")
  line('b,available,5,4', "available from '5' to '4'")
  line('b,available,-5,4', "available from '-5' to '4'")
  line('b,period,0,', "period '0'")
  line('b,"speed,1,', 'quoted field unterminated')
  refused('TRACE_LINE', ['*,period,10,', 'a,available,5,11'], { line: 3, expected: 'at most its period, 10000 ms' })
  refused('TRACE_TWICE', ['a,speed,1,', '', 'a,speed,1,'], { line: 4, device: 'a', attribute: 'speed', before: 2 })
  refused('TRACE_TWICE', ['*,period,1,', '*,periodMs,5,'], { line: 3, before: 2 })
  refused('TRACE_OVERLAP', ['*,period,99,', 'a,available,5,10', 'a,available,1,6'], { line: 3, before: 4, device: 'a' })
  refused('TRACE_GAP', ['phone-1,speed,1,', 'phone-1,upload,1,', 'phone1,upload,1,'], {
    device: 'phone1',
    line: 4,
    attribute: 'speed',
    other: 'phone-1',
  })
  refused('TRACE_GAP', ['*,period,9,', 'a,speed,1,', 'b,speed,1,', 'a,available,1,2'], { device: 'b', line: 4 })
  refused('TRACE_GAP', ['a,available,1,2'], { device: 'a', attribute: 'period' })
  refused('TRACE_EMPTY', [], { found: 'its header alone' })
  refused('TRACE_EMPTY', ['*,period,10,'], {})
  t.throws(() => traceOf('', 'phones.csv'), { code: 'TRACE_EMPTY' })
  t.throws(() => traceOf('a,speed,1', 'phones.csv'), { code: 'TRACE_HEADER', message: /line 1/ })
})

test('a device without an interval of any length is never available', (t) => {
  const trace = read('*,period,10,', 'a,available,0,0', 'b,available,1,2', 'c,available,0,0')
  const model = tracedAvailability({}, { seed: 1, trace })
  t.deepEqual(
    [0, 1, 2].map((device) => model.next(device, 5_000)),
    [Infinity, 11_000, Infinity],
  )
  t.is(model.next(0, 0), Infinity)
})

test('the intervals of a trace are those of its lines, whatever they are', (t) => {
  const cuts = fc
    .uniqueArray(fc.integer({ min: 0, max: 50 }), { maxLength: 12 })
    .map((all) => all.toSorted((a, b) => a - b))
  fc.assert(
    fc.property(fc.array(cuts, { minLength: 1, maxLength: 4 }), (devices) => {
      const lines = devices.flatMap((times, device) => [
        `${device},availableMs,0,0`,
        ...times.flatMap((start, index) =>
          index % 2 === 0 && times[index + 1] !== undefined ? `${device},availableMs,${start},${times[index + 1]}` : [],
        ),
      ])
      const model = tracedAvailability({}, { seed: 1, trace: read('*,periodMs,50,', ...lines) })
      for (const [device, times] of devices.entries())
        for (let at = 0; at < 120; at += 0.5) {
          const before = times.filter((time) => time <= at % 50).length
          t.is(model.isAvailable(device, at), before % 2 === 1 && before < times.length, `${device} at ${at}`)
        }
    }),
    { numRuns: 50 },
  )
})

const capacities = { 1: { computation: 100, communication: 8000 }, 2: { computation: 50, communication: 400 } }
const availability = {
  0: { duration: 1, active: [10, 40, 90], inactive: [20, 60, 200], finish_time: 100, model: 'a' },
  1: { duration: 1, active: [5, 7, 8], inactive: [8, 9, 8], finish_time: 1000, model: 'b' },
  2: { duration: 1, active: [3], inactive: [3], finish_time: 50, model: 'c' },
}

test("FedScale's files become a trace that can be read", (t) => {
  const trace = traceOf([...convertFedScale({ capacities, availability })].join('\n'), 'fedscale.csv')
  const speed = tracedNumbers({}, { seed: 1, part: 'speed', trace })
  const upload = tracedNumbers({}, { seed: 1, part: 'upload', trace })
  const available = tracedAvailability({}, { seed: 1, trace })
  t.is(trace.rows, 3)
  // An inference of 100 ms is a training of 300 ms; 8,000 kbit/s are 1 MB/s.
  t.deepEqual([0, 1, 2].map(speed.of), [1000 / 300, 1000 / 150, 1000 / 300])
  t.deepEqual([0, 1, 2].map(upload.of), [1e6, 5e4, 1e6])
  // Device 0 is FedScale's client 1, device 2 its client 3, which behaves as client 0.
  t.is(available.next(0, 0), 5_000)
  t.is(available.until(0, 5_000), 9_000)
  t.is(available.next(1, 0), Infinity)
  t.is(available.until(2, 90_000), 100_000)
  t.is(available.next(2, 100_000), 110_000)
})

test('either of the files is enough, and the number of devices may be given', (t) => {
  const rows = (given: Parameters<typeof convertFedScale>[0]) =>
    traceOf([...convertFedScale(given)].join('\n'), 'fedscale.csv')
  t.deepEqual(Object.keys(rows({ capacities }).numbers), ['speed', 'download', 'upload'])
  t.is(rows({ capacities }).intervals, undefined)
  t.is(rows({ availability, devices: 7 }).rows, 7)
})

test("a file that isn't FedScale's is refused, with client and field", (t) => {
  const refused = (given: Parameters<typeof convertFedScale>[0], values: object) =>
    t.like(
      t.throws(() => [...convertFedScale(given)], { code: 'FEDSCALE_FORM' }),
      { values },
    )
  refused({}, { came: 'neither of the files' })
  refused({ capacities, devices: 0 }, { came: '0 devices' })
  refused({ capacities: 'x' }, { file: 'client_device_capacity', came: 'string' })
  refused({ capacities: {} }, { came: 'no client' })
  refused(
    { capacities: { 9: { computation: -1, communication: 1 } } },
    { place: ' of client 9', came: 'computation is -1' },
  )
  refused({ capacities: { 9: null } }, { came: 'computation is undefined' })
  const changed = (fields: object) => ({ availability: { 4: { ...availability[0], ...fields } } })
  refused(changed({ active: [1] }), { place: ' of client 4', came: '1 active and 3 inactive' })
  refused(changed({ active: 'x' }), { came: 'active is "x"' })
  refused(changed({ finish_time: 0 }), { came: 'finish_time is 0' })
})
