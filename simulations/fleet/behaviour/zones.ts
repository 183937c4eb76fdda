/** Shares of devices by the difference of their local time to UTC, in hours, from west to east. */
export type ZoneShares = readonly (readonly [hours: number, share: number])[]

/**
 * People by time zone, in thousandths: the populations of countries and parts of countries in 2022 (United Nations, World
 * Population Prospects 2022), rounded, by their standard time.
 */
const world: ZoneShares = [
  [-10, 1],
  [-8, 9],
  [-7, 5],
  [-6, 35],
  [-5, 45],
  [-4, 14],
  [-3, 34],
  [0, 31],
  [1, 102],
  [2, 76],
  [3, 80],
  [3.5, 11],
  [4, 5],
  [4.5, 5],
  [5, 41],
  [5.5, 181],
  [6, 27],
  [6.5, 7],
  [7, 52],
  [8, 206],
  [9, 27],
  [10, 5],
  [12, 1],
]

/** People of the United States by time zone, in hundredths, from the same year. */
const us: ZoneShares = [
  [-8, 17],
  [-7, 6],
  [-6, 29],
  [-5, 48],
]

const uniform: ZoneShares = Array.from({ length: 24 }, (_, index) => [index - 11, 1] as const)
const one: ZoneShares = [[0, 1]]

const zones = { world, us, uniform, one } as const

export type ZoneName = keyof typeof zones

export const zoneNames = ['world', 'us', 'uniform', 'one'] as const satisfies readonly ZoneName[]

/** Differences to UTC, in hours, from west to east: each as often as its share says. */
export function zoneSlots(name: ZoneName): Float64Array {
  return Float64Array.from(zones[name].flatMap(([hours, share]) => Array.from({ length: share }, () => hours)))
}
