import type { AnyRole } from '../role.ts'
import { coordinator } from './coordinator.ts'
import { gossipPairTrainer } from './gossip-pair-trainer.ts'
import { gossipTrainer } from './gossip-trainer.ts'
import { hybridTrainer } from './hybrid-trainer.ts'
import { middleAggregator } from './middle-aggregator.ts'
import { ringTrainer } from './ring-trainer.ts'
import { splitAggregator } from './split-aggregator.ts'
import { splitServer } from './split-server.ts'
import { splitTrainer } from './split-trainer.ts'
import { topAggregator } from './top-aggregator.ts'
import { featureHolder } from './vertical/feature-holder.ts'
import { labelHolder } from './vertical/label-holder.ts'

/** The stock roles besides the plain trainer, by name. */
export const aggregators: Readonly<Record<string, AnyRole>> = {
  [coordinator.name]: coordinator,
  [featureHolder.name]: featureHolder,
  [gossipPairTrainer.name]: gossipPairTrainer,
  [gossipTrainer.name]: gossipTrainer,
  [hybridTrainer.name]: hybridTrainer,
  [labelHolder.name]: labelHolder,
  [middleAggregator.name]: middleAggregator,
  [ringTrainer.name]: ringTrainer,
  [splitAggregator.name]: splitAggregator,
  [splitServer.name]: splitServer,
  [splitTrainer.name]: splitTrainer,
  [topAggregator.name]: topAggregator,
}
