/**
 * How the devices of a fleet behave. Each part is a function of the device's number and of virtual time, in milliseconds
 * from the start of the run: nothing is kept for a device, and a device behaves alike in every run of a seed, whatever the
 * number of devices.
 */
export interface FleetBehaviour {
  readonly availability: Availability
  /** Examples that a device trains on in a second. */
  readonly speed: DeviceNumbers
  /** Bytes that a device receives in a second. */
  readonly download: DeviceNumbers
  /** Bytes that a device sends in a second. */
  readonly upload: DeviceNumbers
  /** What happens to a work of a device besides its training. Absent: nothing. */
  readonly faults?: WorkFaults
  /** Says whose data a device holds. Absent: those of the client of its number. */
  readonly dataOrder?: DataOrder
}

/**
 * When devices take work. A device is available in intervals that hold their start and not their end. The parts agree with
 * each other: a device is available at the time of `next`, never between `at` and then, and always from `at` to `until`.
 */
export interface Availability {
  isAvailable(device: number, at: number): boolean
  /** The first time from `at` on at which a device is available. Infinity: never. */
  next(device: number, at: number): number
  /** The end of the interval in which a device is available at `at`. A device that is away by then loses its work. */
  until(device: number, at: number): number
}

/** A positive number of each device. Infinity: takes no time. */
export interface DeviceNumbers {
  of(device: number): number
  /** The place of the device's number among those of all devices, in (0, 1): uniform over the devices. */
  rank?(device: number): number
}

/** What befalls a work of a device, by the work's number. */
export interface WorkFaults {
  /** The part of the work, in (0, 1), after which the device gives up. Undefined: the device does the work. */
  dropsOutAt?(device: number, work: number): number | undefined
  /** Milliseconds that the work takes longer, such as jitter of the network. */
  delay?(device: number, work: number): number
}

/** A place of each device in (0, 1), by which data with low labels goes to devices with low places. */
export type DataOrder = (device: number) => number
