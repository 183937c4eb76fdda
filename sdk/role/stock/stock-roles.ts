import type { AnyRole } from '../role.ts'
import { middleAggregator } from './middle-aggregator.ts'
import { topAggregator } from './top-aggregator.ts'
import { trainer } from './trainer.ts'

/** The stock roles, by name. */
export const stockRoles: Readonly<Record<string, AnyRole>> = {
  [trainer.name]: trainer,
  [middleAggregator.name]: middleAggregator,
  [topAggregator.name]: topAggregator,
}
