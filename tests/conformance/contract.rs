//! Contracts: examples of Pact, deployments of the Pact Broker, schemas of Apicurio, interfaces of
//! openapi-diff and openapi-pact-comparator.

mod broker;
mod comparator;
mod openapi_diff;
mod pact_spec;
mod schemas;
