/* conv2d */
