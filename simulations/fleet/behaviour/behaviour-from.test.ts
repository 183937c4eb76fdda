import test from 'ava'
import type { FleetBehaviour } from '../behaviour.ts'
import { type BehaviourTexts, behaviourFrom } from './behaviour-from.ts'
import { clientsOfDevices } from './correlation.ts'
import { logNormal } from './device-numbers.ts'
import { diurnal } from './diurnal.ts'
import { hourMs } from './draws.ts'
import { behaviourPartNames, behaviourParts } from './models.ts'
import { traceOf } from './trace.ts'

const some = [0, 1, 2, 3, 100, 999_999]
const from = (texts: BehaviourTexts, seed = 1) => behaviourFrom(texts, { seed })
const bits = (behaviour: FleetBehaviour) =>
  some.map((device) => [
    ...[0, 5, 11, 30].map((hour) => behaviour.availability.next(device, hour * hourMs)),
    ...[behaviour.speed, behaviour.download, behaviour.upload].map(({ of }) => of(device)),
    ...[behaviour.faults?.dropsOutAt?.(device, 3), behaviour.faults?.delay?.(device, 3), behaviour.dataOrder?.(device)],
  ])

test('without texts devices are always available, and nothing takes time', (t) => {
  for (const texts of [{}, { availability: 'always', speed: 'none', dropout: 'none', churn: undefined }]) {
    const behaviour = from(texts)
    t.is(behaviour.availability.until(3, 5), Number.POSITIVE_INFINITY)
    t.deepEqual(
      [behaviour.speed.of(1), behaviour.download.of(1), behaviour.upload.of(1)],
      [Infinity, Infinity, Infinity],
    )
    t.deepEqual([behaviour.faults, behaviour.dataOrder], [undefined, undefined])
  }
})

test('a text names a model and its settings, by order or by name', (t) => {
  const { speed, availability } = from({ speed: 'lognormal:20,0.8', availability: 'diurnal:0.5,zones=us, peak=3' })
  const expected = logNormal({ median: 20, sigma: 0.8 }, { seed: 1, part: 'speed' })
  const nights = diurnal({ night: 0.5, zones: 'us', peak: 3 }, { seed: 1, part: 'availability' })
  for (const device of some) {
    t.is(speed.of(device), expected.of(device))
    t.is(availability.next(device, 1e8), nights.next(device, 1e8))
  }
  t.is(from({ speed: '12' }).speed.of(3), 12)
  t.is(from({ speed: 'constant:value=1e3' }).speed.of(3), 1000)
  t.true([1, 4].includes(from({ upload: 'tiers:0.5:1,0.5:4' }).upload.of(3)))
  t.true([1, 4].includes(from({ upload: 'tiers:list=0.5:1,0.5:4' }).upload.of(3)))
  t.is(from({ dropout: '1' }).faults?.delay, undefined)
  t.is(typeof from({ dropout: 'probability=1' }).faults?.dropsOutAt?.(0, 0), 'number')
  t.true((from({ link: '1,60', delay: 'jitter:200' }).faults?.delay?.(0, 0) ?? 0) > 0)
  t.is(from({ churn: '7,endless', availability: 'always' }).availability.until(1, 8e8), Number.POSITIVE_INFINITY)
})

test("each part's example and each model's name can be read", (t) => {
  const needed: BehaviourTexts = { availability: 'diurnal' }
  for (const part of behaviourPartNames) {
    t.notThrows(() => from({ ...needed, [part]: behaviourParts[part].example }))
    for (const { name } of behaviourParts[part].models)
      try {
        from({ ...needed, [part]: name })
      } catch (error) {
        // Some models need settings, or a trace.
        t.regex(String(error), /expected|trace/, `${part} ${name}`)
      }
  }
})

test('a device behaves alike in each behaviour of a seed, and otherwise with another seed', (t) => {
  const texts = {
    availability: 'on-off:30,60',
    speed: 'lognormal:20,0.8',
    download: 'lognormal:1e6,1',
    upload: 'lognormal:1e6,1',
    dropout: '0.5',
    delay: '200',
    churn: '7,30',
    skew: '30',
    correlate: 'upload:label,0.5',
  }
  t.deepEqual(bits(from(texts)), bits(from(texts)))
  const [one, other] = [bits(from(texts)), bits(from(texts, 2))]
  for (const [index, row] of one.entries()) t.notDeepEqual(row, other[index])
  const { download, upload } = from(texts)
  for (const device of some) t.not(download.of(device), upload.of(device))
})

test('a text that can not be meant is refused, with the part and what was expected', (t) => {
  const refused = (texts: object, code: string, message: RegExp) => t.throws(() => from(texts), { code, message })
  refused({ sped: '1' }, 'BEHAVIOUR_PART', /no behaviour sped.*did you mean speed\?/)
  refused({ availability: 'diurnl' }, 'BEHAVIOUR_MODEL', /availability: 'diurnl'.*did you mean diurnal\?/)
  refused({ availability: '0.4' }, 'BEHAVIOUR_MODEL', /always, diurnal, on-off, trace/)
  refused({ speed: '' }, 'BEHAVIOUR_MODEL', /speed: ''/)
  refused({ speed: 'lognormal' }, 'BEHAVIOUR_SETTING', /lognormal: median is missing, expected a number above 0/)
  refused({ speed: 'lognormal:1,-1' }, 'BEHAVIOUR_SETTING', /sigma is -1, expected a number at least 0 and at most 10/)
  refused({ speed: 'lognormal:1,x' }, 'BEHAVIOUR_SETTING', /sigma is x/)
  refused({ speed: 'lognormal:1,1,1' }, 'BEHAVIOUR_TEXT', /only the settings median, sigma/)
  refused({ speed: 'lognormal:1,' }, 'BEHAVIOUR_TEXT', /a setting is empty/)
  refused({ speed: 'lognormal:1,median=2' }, 'BEHAVIOUR_TEXT', /median is given twice/)
  refused({ speed: '-3' }, 'BEHAVIOUR_SETTING', /value is -3/)
  refused({ availability: 'always:1' }, 'BEHAVIOUR_TEXT', /always has no settings/)
  refused({ availability: 'diurnal:0.1,0.5' }, 'BEHAVIOUR_SETTING', /day is 0.5, expected at most night, which is 0.1/)
  refused({ availability: 'diurnal:zones=mars' }, 'BEHAVIOUR_SETTING', /zones is mars, expected one of world, us/)
  refused({ availability: 'diurnal:nigt=1' }, 'BEHAVIOUR_SETTING', /nigt is 1, expected night.*did you mean night/)
  refused({ correlate: 'zone:label' }, 'BEHAVIOUR_TEXT', /no zones unless their availability is diurnal/)
  refused({ correlate: 'speed:colour' }, 'BEHAVIOUR_SETTING', /to is colour, expected one of label/)
  refused({ speed: 'trace' }, 'BEHAVIOUR_TRACE', /speed comes from a trace, but there is none/)
})

test('parts that no text names come from the trace, where it has them', (t) => {
  const trace = traceOf('device,attribute,value,end\na,speed,7,\na,period,10,\na,available,2,4', 'phones.csv')
  const behaviour = behaviourFrom({}, { seed: 1, trace })
  t.deepEqual([behaviour.speed.of(5), behaviour.upload.of(5)], [7, Infinity])
  t.is(behaviour.availability.next(5, 0), 2_000)
  t.is(behaviourFrom({ availability: 'always' }, { seed: 1, trace }).availability.next(5, 0), 0)
  t.throws(() => behaviourFrom({ upload: 'trace' }, { seed: 1, trace }), {
    code: 'BEHAVIOUR_TRACE',
    message: /phones\.csv says nothing of it/,
  })
})

const devices = 6_000
const labelOf = (client: number) => (client * 7919) % 10

/** Rank correlation of a device's speed and the label of its data. */
function correlationOf(texts: BehaviourTexts) {
  const { speed, dataOrder } = from(texts, 4)
  const clients = dataOrder && clientsOfDevices(devices, dataOrder, labelOf, { seed: 4 })
  const rank = (device: number) => (speed.rank?.(device) ?? 0) - 0.5
  const label = (device: number) => labelOf(clients?.[device] ?? device) / 9 - 0.5
  const sum = (of: (device: number) => number) =>
    Array.from({ length: devices }, (_, device) => of(device)).reduce((total, each) => total + each, 0)
  const product = sum((device) => rank(device) * label(device))
  return { clients, r: product / Math.sqrt(sum((device) => rank(device) ** 2) * sum((device) => label(device) ** 2)) }
}

test('devices hold each client once, and labels go with their speed as far as the strength says', (t) => {
  for (const [strength, least, most] of [
    [1, 0.99, 1],
    [0.5, 0.45, 0.55],
    [0, -0.05, 0.05],
    [-1, -1, -0.99],
  ] as const) {
    const { r, clients } = correlationOf({ speed: 'lognormal:1,1', correlate: `speed:label,${strength}` })
    t.true(r >= least && r <= most, `${strength}: ${r}`)
    t.deepEqual(
      clients?.toSorted(),
      Uint32Array.from({ length: devices }, (_, index) => index),
    )
  }
  t.is(correlationOf({ speed: 'lognormal:1,1' }).clients, undefined)
})

test('with strength 1 the slowest device has the lowest label, and the clients of a label are in no order', (t) => {
  const { speed, dataOrder } = from({ speed: 'lognormal:1,1', correlate: 'speed:label' })
  if (!dataOrder) return t.fail('no order')
  const clients = clientsOfDevices(devices, dataOrder, labelOf, { seed: 1 })
  const bySpeed = Array.from({ length: devices }, (_, device) => device).toSorted((a, b) => speed.of(a) - speed.of(b))
  const labels = bySpeed.map((device) => labelOf(clients[device] ?? 0))
  t.deepEqual(
    labels,
    labels.toSorted((a, b) => a - b),
  )
  const numbers = bySpeed.slice(0, 600).map((device) => clients[device] ?? 0)
  const rises = numbers.filter((client, index) => client > (numbers[index - 1] ?? 0)).length
  t.true(rises > 240 && rises < 360, `${rises}`)
})

test('data may go with the zone of devices that are available by night', (t) => {
  const { availability, dataOrder } = from({
    availability: 'diurnal:1,0',
    correlate: 'zone:label',
    skew: '10',
    churn: '0,99',
  })
  if (!dataOrder) return t.fail('no order')
  const clients = clientsOfDevices(devices, dataOrder, labelOf, { seed: 1 })
  const meanAt = (hour: number) => {
    const there = Array.from({ length: devices }, (_, device) => device).filter((device) =>
      availability.isAvailable(device, (24 + hour) * hourMs),
    )
    return there.reduce((sum, device) => sum + labelOf(clients[device] ?? 0), 0) / there.length
  }
  // At 18:00 UTC it is night in the east, at 8:00 in the west.
  t.true(meanAt(18) > meanAt(8) + 1, `${meanAt(18)} ${meanAt(8)}`)
  t.deepEqual(clientsOfDevices(1, dataOrder, labelOf, { seed: 1 }), Uint32Array.of(0))
})
