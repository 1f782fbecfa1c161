/**
 * The API's own objects (level 1), from the one file of cdk8s-plus-27 that holds them: its index loads every level-2
 * construct as well, which takes a third of a synthesis and which Pod Security `restricted` keeps us from using.
 */
export * as k8s from 'cdk8s-plus-27/lib/imports/k8s.js';
