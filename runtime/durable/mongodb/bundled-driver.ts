/**
 * The parts of MongoDB's driver that the store needs. The build replaces this module by a bundle with the driver in it
 * (scripts/bundles.js), so that users don't install the driver.
 */
export type * from 'mongodb'
export {
  Binary,
  BSON,
  MongoClient,
  MongoError,
  MongoErrorLabel,
  MongoNetworkError,
  MongoNetworkTimeoutError,
  MongoRuntimeError,
  MongoServerError,
  MongoServerSelectionError,
  MongoWriteConcernError,
  ObjectId,
} from 'mongodb'
