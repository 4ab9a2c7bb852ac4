/* upsample_nearest */
